using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Extensions.FileProviders;
using Microsoft.ML;
using OnDeviceWeb;

// Learns in a web browser, and nothing of it leaves the browser. Once before: npm ci
//
//   dotnet run -c Release                            exports the model and shows the page at http://127.0.0.1:5080
//   dotnet run -c Release -- --output FOLDER         writes the whole static site for any web server, and ends
//   dotnet run -c Release -- --patch FILE            reads a patch that was downloaded from the page, and ends
//   dotnet run -c Release -- --quick                 exports, learns and reads a patch with C#, calls the page once, and ends
if (args is not ([] or ["--quick"] or ["--output" or "--patch", _]))
{
    await Console.Error.WriteLineAsync("error: the arguments must be none, --quick, --output FOLDER, or --patch FILE.");
    return 2;
}

ITransformer model = new MLContext(seed: 1).Model.Load(Path.Combine(AppContext.BaseDirectory, "fleet.zip"), out _);
Site.ExportModel(model);
switch (args)
{
    case ["--patch", string file]:
        return PatchReport.Print(model, file);
    case ["--output", string folder] when Site.HasRuntime:
        Site.CopyTo(folder);
        Console.WriteLine($"The site is in '{folder}': put it on any web server that uses HTTPS.");
        return 0;
    case [] or ["--output", _] when !Site.HasRuntime:
        await Console.Error.WriteLineAsync("error: ONNX Runtime for browsers is missing. Run npm ci in examples/OnDeviceWeb, and build again.");
        return 1;
}

bool isQuick = args.Length > 0;
WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
builder.WebHost.UseUrls(isQuick ? "http://127.0.0.1:0" : "http://127.0.0.1:5080");
builder.Logging.SetMinimumLevel(LogLevel.Warning);
await using WebApplication app = builder.Build();
FileExtensionContentTypeProvider types = new() { Mappings = { [".onnx"] = "application/octet-stream" } };
app.UseFileServer(new FileServerOptions
{
    FileProvider = new PhysicalFileProvider(Site.Folder),
    StaticFileOptions = { ContentTypeProvider = types },
});
await app.StartAsync();
if (!isQuick)
{
    Console.WriteLine($"The page is at {app.Urls.First()}; Ctrl+C ends it.");
    await app.WaitForShutdownAsync();
    return 0;
}

bool isSound = await SelfTest.RunAsync(model, new Uri(app.Urls.First()));
await app.StopAsync();
return isSound ? 0 : 1;
