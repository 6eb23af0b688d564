// dotnet run      a page that recommends, and learns where the model can: in the browser, which nothing that somebody clicks leaves
using System.Security.Cryptography;
using DCCL.ML;
using DCCL.ML.Export;
using Microsoft.Extensions.FileProviders;
using Microsoft.ML;
using Microsoft.Net.Http.Headers;

string page = Path.Combine(AppContext.BaseDirectory, "page");
if (!File.Exists(Path.Combine(page, "onnxruntime", "ort.wasm.min.mjs")))
{
    Console.Error.WriteLine(
        "error: ONNX Runtime for browsers is missing, which the build takes from npm. Install Node 20 or newer, run 'npm ci' beside {{Name}}.Web.csproj, and build again.");
    return 1;
}

// What the browser gets. It knows no default of an input, so it has to give the patch. Without a basis there is no patch, and no step to learn one.
ITransformer model = new MLContext().Model.Load(Path.Combine(AppContext.BaseDirectory, "{{Name}}.mlnet"), out _);
Dictionary<string, byte[]> files = new()
{
    ["model.onnx"] = Write(stream => model.ExportToOnnx(stream, new OnnxExportOptions { RequiresPatch = true })),
    ["model.vocabulary.json"] = Write(model.GetVocabulary().Save),
};
if (model.DeviceCloudModel().Parameters.Patch is not null)
{
    files["step.onnx"] = Write(model.ExportTrainingStep);
}

Dictionary<string, EntityTagHeaderValue> tags = files.ToDictionary(
    file => file.Key, file => new EntityTagHeaderValue($"\"{Convert.ToHexString(SHA256.HashData(file.Value))}\""));

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
await using WebApplication app = builder.Build();
app.Use((context, next) =>
{
    context.Response.Headers.CacheControl = "no-cache"; // a browser asks whether what it has is still the same: model and page change together
    return next(context);
});
app.UseFileServer(new FileServerOptions { FileProvider = new PhysicalFileProvider(page) });
app.MapGet("/model", () => files.Keys);
app.MapGet("/model/{name}", (string name) => files.TryGetValue(name, out byte[]? file)
    ? Results.Bytes(file, "application/octet-stream", entityTag: tags[name])
    : Results.NotFound());
await app.RunAsync();
return 0;

static byte[] Write(Action<Stream> write)
{
    using MemoryStream stream = new();
    write(stream);
    return stream.ToArray();
}
