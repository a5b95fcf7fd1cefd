using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Wherry.Guests.Tests;

/// <summary>A guest with TLS inside the sandbox.</summary>
public sealed class HttpsTests
{
    private static string Module => Repository.Shared("guests/https-rust/https.wasm");

    [Fact]
    public async Task A_guest_fetches_over_TLS()
    {
        using var authority = new CertificateAuthority("The right one");
        (X509Certificate2 certificate, _, _) = authority.Issue();
        Result result = await FetchAsync(authority, certificate);
        Assert.EndsWith(TestServer.Answer("GET", "/secret") + "\n", result.Expect(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_guest_refuses_a_server_that_another_authority_vouches_for()
    {
        using var right = new CertificateAuthority("The right one");
        using var wrong = new CertificateAuthority("The wrong one");
        (X509Certificate2 certificate, _, _) = wrong.Issue();
        Result result = await FetchAsync(right, certificate);
        Assert.Contains("failed https://localhost", result.Expect(1).Output, StringComparison.Ordinal);
        Assert.DoesNotContain("/secret [", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_guest_serves_over_TLS()
    {
        using var authority = new CertificateAuthority("The right one");
        using var folder = new TemporaryFolder();
        (X509Certificate2 certificate, string pem, string key) = authority.Issue();
        using (certificate)
        {
            folder.Write("certificate.pem", pem);
            folder.Write("key.pem", key);
        }

        await using RunningCommand command = RunningCommand.StartWherry(
            "run", "-p", "0:8443", "--dir", $"/tls:{folder.Path}:readonly", Module, "serve", "8443", "/tls/certificate.pem", "/tls/key.pem");
        int port = await command.WaitForPortAsync();
        Assert.Equal("hello over TLS\n", await GetAsync(port, authority.Certificate));

        using var other = new CertificateAuthority("The wrong one");
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(port, other.Certificate));
        Assert.Equal("hello over TLS\n", await GetAsync(port, authority.Certificate));
    }

    private static async Task<Result> FetchAsync(CertificateAuthority trusted, X509Certificate2 served)
    {
        using (served)
        {
            await using var server = new TestServer(served);
            using var folder = new TemporaryFolder();
            folder.Write("roots.pem", trusted.CertificatePem);
            return await RunningCommand.WherryAsync(
                "run", "--connect", $"localhost:{server.Port}", "--dir", $"/tls:{folder.Path}:readonly", "--env", "SSL_CERT_FILE=/tls/roots.pem",
                Module, "get", $"https://localhost:{server.Port}/secret");
        }
    }

    private static async Task<string> GetAsync(int port, X509Certificate2 root)
    {
        using var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    CustomTrustStore = { root },
                    RevocationMode = X509RevocationMode.NoCheck,
                },
            },
        };
        using var client = new HttpClient(handler) { Timeout = RunningCommand.Patience };
        return await client.GetStringAsync(new Uri($"https://localhost:{port}/"));
    }
}
