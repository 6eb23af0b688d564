// dotnet run      GET /users/{user}/items?count=10, POST /users/{user}/items/{item}, GET /items/{item}/similar, GET /health
using System.Text.Json.Serialization;
using DCCL.ML.Recommendation;

const int MaximumCount = 100;

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
builder.Services.AddDeviceCloudRecommender(Path.Combine(AppContext.BaseDirectory, "{{Name}}.mlnet"));
builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.Converters.Add(new JsonStringEnumConverter()));
await using WebApplication app = builder.Build();

// By raw ids. One recommender for all requests: it is thread-safe, and takes the next model when the file is replaced.
app.MapGet("/users/{user}/items", (string user, ReloadingRecommender recommender, int count = 10) => count is > 0 and <= MaximumCount
    ? Results.Ok(recommender.Use(current => current.Recommend(user, count)))
    : Results.Problem($"count must be from 1 to {MaximumCount}, but is {count}.", statusCode: StatusCodes.Status400BadRequest));
app.MapGet("/items/{item}/similar", (string item, ReloadingRecommender recommender) =>
    recommender.Use(current => current.GetSimilarItems(item)));

// What a user has just had counts from the next request on.
app.MapPost("/users/{user}/items/{item}", (string user, string item, ReloadingRecommender recommender) =>
    recommender.Use(current => current.Observe(user, item)) ? Results.NoContent() : Results.NotFound());
app.MapGet("/health", (ReloadingRecommender recommender) => new { model = recommender.Version });

app.Services.GetRequiredService<ReloadingRecommender>(); // a model that cannot be loaded ends the service now, not its first request
await app.RunAsync();
