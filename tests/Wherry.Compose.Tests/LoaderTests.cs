using System.Text.Json;
using System.Text.Json.Nodes;

namespace Wherry.Compose.Tests;

/// <summary>What files come to.</summary>
public sealed class LoaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly Dictionary<string, string> variables = [];

    public LoaderTests()
    {
        folder.Write("app.wasm", "\0asm\u0001\0\0\0"u8);
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Environment_files_are_laid_under_the_environment_and_variables_without_a_value_come_from_the_host()
    {
        variables["FROM_HOST"] = "host";
        folder.Write("first.env", "A=first\nB='$literal'\n# comment\nexport C=\"two\\nlines\" \nD=plain # comment\nE=${A}-${FROM_HOST}\nM=\"a\nb\"\n");
        folder.Write("raw.env", "R='$kept'\nA=second\n");
        ComposeService service = Service("""
            services:
              web:
                image: app.wasm
                env_file:
                  - first.env
                  - {path: raw.env, format: raw}
                  - {path: missing.env, required: false}
                environment: {D: own, FROM_HOST: , NOT_THERE: , N: 1, T: true, EMPTY: ""}
            """);
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["A"] = "second",
                ["B"] = "$literal",
                ["C"] = "two\nlines",
                ["D"] = "own",
                ["E"] = "first-host",
                ["M"] = "a\nb",
                ["R"] = "'$kept'",
                ["FROM_HOST"] = "host",
                ["N"] = "1",
                ["T"] = "true",
                ["EMPTY"] = "",
            },
            service.Environment.ToDictionary());
    }

    [Theory]
    [InlineData("$A", "a")]
    [InlineData("${A}b", "ab")]
    [InlineData("$$A $${A}", "$A ${A}")]
    [InlineData("${NONE:-x}", "x")]
    [InlineData("${EMPTY:-x}", "x")]
    [InlineData("${EMPTY-x}", "")]
    [InlineData("${A:+x}${EMPTY:+y}${EMPTY+z}", "xz")]
    [InlineData("${NONE:-${NONE:-${A}}}", "a")]
    [InlineData("${A:?must}", "a")]
    [InlineData("${EMPTY?must}", "")]
    [InlineData("100$ 5$5", "100$ 5$5")]
    [InlineData("${NONE:-{}}", "{}")]
    [InlineData("${FROM_FILE}", "file")]
    public void Variables_are_put_into_values(string text, string expected)
    {
        variables["A"] = "a";
        variables["EMPTY"] = "";
        folder.Write(".env", "FROM_FILE=file\nA=not this one\n");
        ComposeService service = Service($"services:\n  web:\n    image: app.wasm\n    environment:\n      V: '{text}'\n");
        Assert.Equal(expected, service.Environment.Single().Value);
    }

    [Fact]
    public void A_variable_that_is_not_set_is_warned_of_once()
    {
        ComposeProject project = Load("services:\n  web:\n    image: app.wasm\n    environment: {A: $NONE, B: $NONE}\n");
        ComposeDiagnostic warning = Assert.Single(project.Warnings);
        Assert.Contains("NONE is not set", warning.Message, StringComparison.Ordinal);
        Assert.Equal(4, warning.Location.Line);
    }

    [Fact]
    public void Ports_are_read_in_all_their_forms()
    {
        ComposeService service = Service("""
            services:
              web:
                image: app.wasm
                expose: [9000, "9001-9002"]
                ports:
                  - 80
                  - "8080:81"
                  - "0.0.0.0:8082:82/udp"
                  - "[::1]:8083:83"
                  - "9090-9091:90-91"
                  - "9100-9110:92"
                  - "127.0.0.1::93"
                  - {target: 94, published: "9094", host_ip: 127.0.0.2, protocol: tcp, mode: host}
            """);
        Assert.Equal(
            [
                "127.0.0.1 0-0 80 False", "127.0.0.1 8080-8080 81 False", "0.0.0.0 8082-8082 82 True", "::1 8083-8083 83 False", "127.0.0.1 9090-9090 90 False", "127.0.0.1 9091-9091 91 False",
                "127.0.0.1 9100-9110 92 False", "127.0.0.1 0-0 93 False", "127.0.0.2 9094-9094 94 False",
            ],
            service.Ports.Select(port => $"{port.Address} {port.First}-{port.Last} {port.Target} {port.IsUdp}"));
        Assert.Equal([9000, 9001, 9002], service.Expose);
    }

    [Fact]
    public void Volumes_are_read_in_all_their_forms()
    {
        ComposeProject project = Load("""
            services:
              web:
                image: app.wasm
                tmpfs: /tmp:size=10m
                volumes:
                  - ./data:/data
                  - /srv:/srv:ro
                  - cache:/cache
                  - /anonymous
                  - {type: volume, source: shared, target: /shared, read_only: true}
                  - {type: tmpfs, target: /scratch}
            volumes:
              cache:
              shared: {external: true, name: everybodys}
            """);
        Assert.Equal(
            [
                $"Bind {folder["data"]} /data False", "Bind /srv /srv True", "Volume cache /cache False", "Volume  /anonymous False", "Volume shared /shared True", "Temporary  /scratch False",
                "Temporary  /tmp False",
            ],
            project.Services[0].Mounts.Select(mount => $"{mount.Kind} {mount.Source} {mount.Target} {mount.IsReadOnly}"));
        Assert.Equal(new ComposeVolume("shop_cache", false), project.Volumes["cache"]);
        Assert.Equal(new ComposeVolume("everybodys", true), project.Volumes["shared"]);
    }

    [Fact]
    public void Commands_are_split_as_a_shell_does()
    {
        ComposeService service = Service("services:\n  web:\n    image: app.wasm\n    command: one 'two words' \"a \\\"b\\\"\" c\\ d \"\"\n    entrypoint: [start, it]\n");
        Assert.Equal(["one", "two words", "a \"b\"", "c d", ""], service.Command);
        Assert.Equal(["start", "it"], service.Entrypoint);
    }

    [Fact]
    public void The_other_values_of_a_service_are_read()
    {
        File.WriteAllText(folder["password.txt"], "secret");
        ComposeService service = Load("""
            services:
              web:
                image: app.wasm
                expose: [8080]
                restart: on-failure:3
                stop_grace_period: 1m30s
                stop_signal: INT
                depends_on: {db: {condition: service_healthy, restart: true}, job: {condition: service_completed_successfully, required: false}}
                healthcheck: {test: curl -f http://localhost:8080/health || exit 1, interval: 500ms, timeout: 2s, retries: 5, start_period: 1m}
                deploy: {replicas: 3, resources: {limits: {memory: 64m, cpus: "0.5"}}}
                networks: {back: {aliases: [api]}, default: }
                secrets: [password, {source: password, target: other}]
                configs: [{source: settings, target: /etc/app/settings.json}]
                x-wherry: {connect: [example.com:443, 10.0.0.1], start: on-demand, idle: 5s}
              db:
                x-wherry: {process: mariadbd --user=me}
                healthcheck: {test: [CMD, mariadb-admin, ping]}
              job: {image: app.wasm, profiles: [jobs]}
            networks: {back: {internal: true}}
            secrets: {password: {file: password.txt}}
            configs: {settings: {content: "{}"}}
            """).Services[0];
        Assert.Equal(new ComposeRestart(ComposeRestartCondition.OnFailure, 3, null), service.Restart);
        Assert.Equal(TimeSpan.FromSeconds(90), service.StopGracePeriod);
        Assert.Equal("SIGINT", service.StopSignal);
        Assert.Equal(
            [new ComposeDependency("db", ComposeDependencyCondition.Healthy, true, true), new ComposeDependency("job", ComposeDependencyCondition.Completed, false, false)], service.DependsOn);
        Assert.Equal((ComposeHealthTest.Http, 8080, "/health", 5), (service.HealthCheck!.Test, service.HealthCheck.Port, service.HealthCheck.Path, service.HealthCheck.Retries));
        Assert.Equal((TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(2), TimeSpan.FromMinutes(1)), (service.HealthCheck.Interval, service.HealthCheck.Timeout, service.HealthCheck.StartPeriod));
        Assert.Equal((3, 64L << 20, 0.5), (service.Replicas, service.MemoryBytes, service.Cpus));
        Assert.Equal((true, TimeSpan.FromSeconds(5)), (service.StartsOnDemand, service.Idle));
        Assert.Equal(["api"], service.Networks["back"]);
        Assert.Equal(["/run/secrets/password", "/run/secrets/other", "/etc/app/settings.json"], service.Files.Select(file => file.Target));
        Assert.Equal(["example.com:443", "10.0.0.1"], service.Connect);
    }

    [Theory]
    [InlineData("[CMD, wget, -q, -O, /dev/null, http://127.0.0.1:8080/]", ComposeHealthTest.Http, 8080)]
    [InlineData("[CMD-SHELL, \"curl -sf localhost:9000 || exit 1\"]", ComposeHealthTest.Http, 9000)]
    [InlineData("nc -z localhost 3306", ComposeHealthTest.Tcp, 3306)]
    public void The_usual_health_checks_are_understood_for_guests(string test, ComposeHealthTest expected, int port)
    {
        ComposeHealthCheck check = Service($"services:\n  web:\n    image: app.wasm\n    healthcheck:\n      test: {test}\n").HealthCheck!;
        Assert.Equal((expected, port), (check.Test, check.Port));
    }

    [Fact]
    public void Later_files_are_laid_over_earlier_ones()
    {
        folder.Write("compose.yaml", """
            services:
              web:
                image: app.wasm
                command: [first, command]
                environment: {A: 1, B: 1}
                ports: ["8080:80", "9090:90"]
                volumes: ["./a:/data"]
                depends_on: [db]
                restart: always
                profiles: [x]
              db: {image: app.wasm}
              gone: {image: app.wasm}
            """);
        folder.Write("over.yaml", """
            services:
              web:
                command: second
                environment: [B=2, C=2]
                ports: ["8080:80", "7070:70"]
                volumes: ["./b:/data:ro", "./c:/more"]
                depends_on: {db: {condition: service_started, restart: true}}
                restart: !reset null
                profiles: !override []
              gone: !reset {}
            """);
        ComposeProject project = Load(null, "compose.yaml", "over.yaml");
        Assert.Equal(["web", "db"], project.Services.Select(service => service.Name));
        ComposeService web = project.Services[0];
        Assert.Equal(["second"], web.Command);
        Assert.Equal("A=1 B=2 C=2", string.Join(' ', web.Environment.Select(pair => $"{pair.Key}={pair.Value}")));
        Assert.Equal([8080, 9090, 7070], web.Ports.Select(port => port.First));
        Assert.Equal([$"{folder["b"]} /data True", $"{folder["c"]} /more False"], web.Mounts.Select(mount => $"{mount.Source} {mount.Target} {mount.IsReadOnly}"));
        Assert.True(Assert.Single(web.DependsOn).Restarts);
        Assert.Equal(ComposeRestartCondition.Never, web.Restart.Condition);
    }

    [Fact]
    public void A_file_beside_called_override_is_laid_over_by_itself()
    {
        folder.Write("compose.yaml", "services: {web: {image: app.wasm, scale: 1}}\n");
        folder.Write("compose.override.yaml", "services: {web: {scale: 4}}\n");
        Directory.CreateDirectory(folder["below/further"]);
        ComposeProject project = ComposeLoader.Load(new ComposeLoadOptions { Folder = folder["below/further"], Environment = _ => null });
        Assert.Equal(4, project.Services[0].Replicas);
        Assert.Equal(folder.Path, project.Folder);
    }

    [Fact]
    public void Services_extend_others_of_this_file_and_of_other_folders()
    {
        Directory.CreateDirectory(folder["base"]);
        folder.Write("base/app.wasm", "\0asm\u0001\0\0\0"u8);
        folder.Write("base/common.yaml", """
            services:
              common:
                extends: root
                environment: {B: common}
                volumes: ["./data:/data"]
              root: {image: ./app.wasm, environment: {A: root, B: root}}
            """);
        ComposeService service = Service("""
            services:
              web:
                extends: {file: base/common.yaml, service: common}
                environment: {C: web}
            """);
        Assert.Equal(folder["base/app.wasm"], service.ModulePath);
        Assert.Equal(folder["base/data"], service.Mounts[0].Source);
        Assert.Equal("A=root B=common C=web", string.Join(' ', service.Environment.Select(pair => $"{pair.Key}={pair.Value}")));
    }

    [Fact]
    public void Other_projects_are_included_with_paths_and_variables_of_their_own()
    {
        Directory.CreateDirectory(folder["db"]);
        folder.Write("db/app.wasm", "\0asm\u0001\0\0\0"u8);
        folder.Write("db/.env", "WHO=included\n");
        folder.Write("db/compose.yaml", "services:\n  db: {image: ./app.wasm, environment: {WHO: $WHO}, volumes: [\"data:/data\"]}\nvolumes: {data: }\n");
        ComposeProject project = Load("include: [db/compose.yaml]\nservices:\n  web: {image: app.wasm, depends_on: [db]}\n");
        Assert.Equal(["web", "db"], project.Services.Select(service => service.Name));
        Assert.Equal(folder["db/app.wasm"], project.Services[1].ModulePath);
        Assert.Equal("included", project.Services[1].Environment.Single().Value);
        Assert.True(project.Volumes.ContainsKey("data"));
    }

    [Fact]
    public void Anchors_and_merges_are_resolved()
    {
        ComposeService service = Service("""
            x-one: &one {A: 1, B: 1}
            x-two: &two {B: 2, C: 2}
            services:
              web:
                image: app.wasm
                environment:
                  <<: [*one, *two]
                  A: own
            """);
        Assert.Equal("A=own B=1 C=2", string.Join(' ', service.Environment.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key}={pair.Value}")));
    }

    [Fact]
    public void Services_of_profiles_that_are_off_are_left_out()
    {
        folder.Write("compose.yaml", "services:\n  web: {image: app.wasm}\n  debug: {image: app.wasm, profiles: [debug]}\n");
        Assert.Equal("web", Names([]));
        Assert.Equal("web debug", Names(["debug"]));
        Assert.Equal("web debug", Names(["*"]));
        Assert.Equal("web debug", Names([], "debug"));

        string Names(string[] profiles, params string[] services) => string.Join(' ', ComposeLoader.Load(
            new ComposeLoadOptions { Folder = folder.Path, Profiles = profiles, Services = services, Environment = _ => null }).Services.Select(service => service.Name));
    }

    [Fact]
    public void What_is_known_but_not_supported_gets_a_warning_that_says_what_to_write()
    {
        ComposeProject project = Load("services:\n  web:\n    image: app.wasm\n    platform: wasi/wasm\n    runtime: io.containerd.wasmedge.v1\n    build: .\n    links: [db]\n    labels: {a: b}\n");
        Assert.Equal(3, project.Warnings.Count);
        Assert.All(project.Warnings, warning => Assert.Equal(ComposeSeverity.Warning, warning.Severity));
        Assert.Contains("image: ./app.wasm", project.Warnings.Single(warning => warning.Location.Line == 6).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_resolved_file_says_the_same_as_the_files_that_it_was_made_of()
    {
        folder.Write("compose.yaml", """
            name: first
            services:
              web:
                image: app.wasm
                command: echo "$$HOME and ${NOT_SET_HERE:-more}"
                environment: [A=true, "B=$$x", "C=08"]
                ports: ["8080-8081:80-81"]
                volumes: ["data:/data", "./x:/x:ro"]
                depends_on: [db]
              db: {image: app.wasm}
            volumes: {data: }
            """);
        string first = (await RunningCommand.WherryAsync("config", "-f", folder["compose.yaml"])).Expect(0).Output;
        folder.Write("resolved.yaml", first);
        string second = (await RunningCommand.WherryAsync("config", "-f", folder["resolved.yaml"])).Expect(0).Output;
        Assert.Equal(first, second);
        string json = (await RunningCommand.WherryAsync("config", "--format", "json", "-f", folder["resolved.yaml"])).Expect(0).Output;
        JsonNode web = JsonNode.Parse(json)!["services"]!["web"]!;
        Assert.Equal("""["echo","$HOME and more"]""", web["command"]!.ToJsonString(new JsonSerializerOptions()));
        Assert.Equal("""{"A":"true","B":"$x","C":"08"}""", web["environment"]!.ToJsonString(new JsonSerializerOptions()));
        Assert.Equal(80, (int)web["ports"]![0]!["target"]!);
        Assert.Equal(folder["app.wasm"], (string?)web["image"]);
    }

    private ComposeService Service(string text) => Load(text).Services[0];

    private ComposeProject Load(string? text, params string[] files)
    {
        if (text is not null)
        {
            folder.Write("compose.yaml", text);
        }

        return ComposeLoader.Load(new ComposeLoadOptions { Folder = folder.Path, Files = files, ProjectName = "shop", Environment = variables.GetValueOrDefault });
    }
}
