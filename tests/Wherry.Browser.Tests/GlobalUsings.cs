global using Microsoft.Playwright;
global using Wherry.Compose.Tests.Up;
global using Wherry.Testing;
global using static Microsoft.Playwright.Assertions;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
