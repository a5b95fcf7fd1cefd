global using Wherry.Testing;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
