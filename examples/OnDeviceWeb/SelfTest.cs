using System.Globalization;
using DCCL.ML.Device;
using DCCL.ML.Recommendation;
using Microsoft.ML;

namespace OnDeviceWeb;

/// <summary>What the page does, with C# in the place of the browser: somebody likes one mood, and learns a patch.</summary>
internal static class SelfTest
{
    private const string Mood = "Serene";
    private const int NumberOfClicks = 18;

    /// <summary>Runs.</summary>
    /// <returns>Whether more of the mood is recommended than before, and the page can be fetched.</returns>
    public static async Task<bool> RunAsync(ITransformer model, Uri address)
    {
        string folder = Directory.CreateTempSubdirectory("dccl-web-").FullName;
        try
        {
            Dictionary<string, CatalogueItem> items = Catalogue.Create(ExampleData.Create()).ToDictionary(item => item.Id);
            using DevicePersonalizer device = Site.OpenDevice(folder, Site.CreateProfile(model));
            int time = 0;
            foreach (CatalogueItem item in items.Values.Where(item => item.Mood == Mood).OrderBy(item => item.Title, StringComparer.Ordinal).Take(NumberOfClicks))
            {
                device.Record(item.Id, time++);
            }

            int before = Count(device.Recommend(10));
            PersonalizationResult result = await device.LearnAsync();
            int after = Count(device.Recommend(10));
            Console.WriteLine($"{NumberOfClicks} clicks on {Mood}: {result.Status}; {before} of the top ten were {Mood} before, {after} are now.");
            int printed = result.Status == PersonalizationStatus.Learnt ? PatchReport.Print(model, Path.Combine(folder, DeviceFiles.Patch)) : 1;

            using HttpClient client = new();
            string page = await client.GetStringAsync(address);
            byte[] graph = await client.GetByteArrayAsync(new Uri(address, "model/model.onnx"));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"The page has {page.Length:N0} characters, the model {graph.Length:N0} bytes."));
            Console.WriteLine(Site.HasRuntime ? "It runs in a browser." : "To see it in a browser, run npm ci in examples/OnDeviceWeb, and build again.");
            return printed == 0 && after > before && page.Contains("</html>", StringComparison.Ordinal);

            int Count(IEnumerable<RecommendedItem> top) => top.Count(item => items[item.ItemId].Mood == Mood);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
