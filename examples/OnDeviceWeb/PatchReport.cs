using System.Globalization;
using DCCL.ML;
using DCCL.ML.Device;
using DCCL.ML.Recommendation;
using Microsoft.ML;

namespace OnDeviceWeb;

/// <summary>Reads a patch that was learnt in a browser, as the cloud does with what devices upload.</summary>
internal static class PatchReport
{
    private const string User = "u1";

    /// <summary>Prints what the patch recommends in the place of a person's own.</summary>
    public static int Print(ITransformer model, string file)
    {
        try
        {
            UserPatch patch = UserPatch.Load(file);
            ITransformer updated = model.WithUserPatches(new Dictionary<string, UserPatch> { [User] = patch }, out IReadOnlyList<string> refusals);
            if (refusals.Count > 0)
            {
                Console.Error.WriteLine($"error: {refusals[0]}");
                return 1;
            }

            Console.WriteLine($"Accepted: {patch.Size} numbers, learnt on model {patch.ModelFingerprint[..8]}…");
            Console.WriteLine($"{string.Join(' ', patch.Values.ToArray().Select(value => value.ToString("F3", CultureInfo.InvariantCulture)))}");
            Dictionary<string, CatalogueItem> items = Catalogue.Create(ExampleData.Create()).ToDictionary(item => item.Id);
            using Recommender recommender = new MLContext(seed: 1).DeviceCloud().CreateRecommender(updated);
            foreach (RecommendedItem item in recommender.Recommend(User, numberOfItems: 10))
            {
                CatalogueItem shown = items[item.ItemId];
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {item.Score,6:F3}  {shown.Title}, {shown.Genre}, {shown.Mood}"));
            }

            return 0;
        }
        catch (Exception fault) when (fault is InvalidDataException or IOException)
        {
            Console.Error.WriteLine($"error: {fault.Message}");
            return 1;
        }
    }
}
