using DCCL.ML.Recommendation;
using TopNService;

// Serves recommendations over HTTP, and changes over to the next model when its file is replaced.
//
//   dotnet run -c Release -- --model model.zip      a model that mlContext.Model.Save wrote; without the file, one is trained on built-in data
//   dotnet run -c Release -- --quick                starts with a model of its own, calls itself while the file is replaced, and ends
bool isQuick = args.Contains("--quick");
int modelOption = Array.IndexOf(args, "--model");
string modelFile = !isQuick && modelOption >= 0 && modelOption + 1 < args.Length
    ? args[modelOption + 1]
    : Path.Combine(Path.GetTempPath(), $"dccl-service-{Environment.ProcessId}.zip");
if (!File.Exists(modelFile))
{
    ModelFile.Train(modelFile, isQuick);
}

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
builder.Services.AddDeviceCloudRecommender(modelFile, new ReloadingRecommender.Options
{
    PollingInterval = TimeSpan.FromMilliseconds(isQuick ? 20 : 1000),
    Reloaded = version => Console.WriteLine($"model {version} has taken over"),
});
if (isQuick)
{
    builder.WebHost.UseUrls("http://127.0.0.1:0");
    builder.Logging.SetMinimumLevel(LogLevel.Warning);
}

await using WebApplication app = builder.Build();

// By raw ids. One recommender for all requests: it is thread-safe.
app.MapGet("/users/{user}/items", (string user, int? count, ReloadingRecommender recommender) =>
    recommender.Use(current => current.Recommend(user, count is > 0 and <= 100 ? count.Value : 10)));
app.MapGet("/items/{item}/similar", (string item, ReloadingRecommender recommender) =>
    recommender.Use(current => current.GetSimilarItems(item)));

// What a user has just had counts from the next request on.
app.MapPost("/users/{user}/items/{item}", (string user, string item, ReloadingRecommender recommender) =>
    recommender.Use(current => current.Observe(user, item)) ? Results.NoContent() : Results.NotFound());
app.MapDelete("/users/{user}", (string user, ReloadingRecommender recommender) => recommender.Use(current =>
{
    current.Forget(user);
    return Results.NoContent();
}));
app.MapGet("/health", (ReloadingRecommender recommender) => new { model = recommender.Version });

app.Services.GetRequiredService<ReloadingRecommender>(); // a model that cannot be loaded ends the service now, not its first request
if (!isQuick)
{
    await app.RunAsync();
    return 0;
}

await app.StartAsync();
bool isSound = await SelfTest.RunAsync(new Uri(app.Urls.First()), modelFile);
await app.DisposeAsync(); // before its model file goes: it would miss it
File.Delete(modelFile);
return isSound ? 0 : 1;

// With --quick it prints, the scores and the number of requests as they come:
//
//   trained: 60 users, 40 items
//   u1: i9 0.486, i2 0.476, i21 0.475
//   u1 without i9, which has been observed: True
//   model 2 has taken over
//   model 3 has taken over
//   198 requests, 0 of them failed
