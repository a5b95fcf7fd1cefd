global using Wherry.Testing;
