using Wherry.Up;

return UpProgram.Run(args);
