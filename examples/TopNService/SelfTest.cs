using System.Globalization;
using System.Net;

namespace TopNService;

/// <summary>Calls the service from a few clients at once while the model's file is replaced.</summary>
internal static class SelfTest
{
    private const int NumberOfClients = 4;
    private const int MaximumRequestsPerClient = 5_000;

    public static async Task<bool> RunAsync(Uri address, string modelFile)
    {
        using HttpClient client = new() { BaseAddress = address };
        Item[] items = await GetItems(client, "u1");
        Console.WriteLine($"u1: {string.Join(", ", items.Take(3).Select(Describe))}");

        using HttpResponseMessage observed = await client.PostAsync(new Uri($"users/u1/items/{items[0].ItemId}", UriKind.Relative), content: null);
        Item[] others = await GetItems(client, "u1");
        bool isLeftOut = observed.StatusCode == HttpStatusCode.NoContent && others.All(item => item.ItemId != items[0].ItemId);
        Console.WriteLine($"u1 without {items[0].ItemId}, which has been observed: {isLeftOut}");

        int requests = 0;
        int failed = 0;
        using CancellationTokenSource end = new();
        Task[] clients = [.. Enumerable.Range(0, NumberOfClients).Select(number => Task.Run(async () =>
        {
            for (int i = 0; i < MaximumRequestsPerClient && !end.IsCancellationRequested; i++)
            {
                Interlocked.Increment(ref requests);
                try
                {
                    // A quarter of them strangers, whom the model does not know.
                    Item[] result = await GetItems(client, i % 4 == 0 ? $"stranger{i}" : $"u{1 + ((number + i) % 60)}");
                    Interlocked.Add(ref failed, result.Length == 0 ? 1 : 0);
                }
                catch (HttpRequestException)
                {
                    Interlocked.Increment(ref failed);
                }

                await Task.Delay(millisecondsDelay: 5);
            }
        }))];
        int version = 1;
        for (int seed = 2; seed <= 3; seed++)
        {
            ModelFile.Train(modelFile, isQuick: true, seed);
            version = await WaitForModel(client, seed);
        }

        await end.CancelAsync();
        await Task.WhenAll(clients);
        Console.WriteLine($"{requests} requests, {failed} of them failed");
        return failed == 0 && isLeftOut && version == 3;
    }

    /// <summary>Waits until the service has changed over to a model, at most half a minute.</summary>
    private static async Task<int> WaitForModel(HttpClient client, int version)
    {
        int current = 0;
        for (int i = 0; i < 600 && current < version; i++)
        {
            await Task.Delay(millisecondsDelay: 50);
            current = (await client.GetFromJsonAsync<Health>(new Uri("health", UriKind.Relative)))!.Model;
        }

        return current;
    }

    private static async Task<Item[]> GetItems(HttpClient client, string user) =>
        (await client.GetFromJsonAsync<Item[]>(new Uri($"users/{user}/items?count=5", UriKind.Relative)))!;

    private static string Describe(Item item) => string.Create(CultureInfo.InvariantCulture, $"{item.ItemId} {item.Probability:F3}");

    private sealed record Item(string ItemId, float Probability);

    private sealed record Health(int Model);
}
