using Wherry.Cli;

return WherryCommand.Run(args);
