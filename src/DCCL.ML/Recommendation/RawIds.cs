using System.Globalization;
using DCCL.ML.Scoring;

namespace DCCL.ML.Recommendation;

/// <summary>The raw ids of a model's users and items; where it has none, the key numbers as text.</summary>
internal static class RawIds
{
    public static IReadOnlyList<string> OfUsers(DeviceCloudPredictionTransformer model) =>
        model.UserIds ?? Number(model.History.NumberOfUsers);

    public static IReadOnlyList<string> OfItems(DeviceCloudPredictionTransformer model) =>
        model.ItemIds ?? Number(model.Parameters.Architecture.NumberOfItems);

    /// <summary>Finds key values by ids; of an id that is there twice, the first.</summary>
    public static Dictionary<string, int> Index(IReadOnlyList<string> ids)
    {
        Dictionary<string, int> index = new(ids.Count, StringComparer.Ordinal);
        for (int i = 0; i < ids.Count; i++)
        {
            index.TryAdd(ids[i], i + 1);
        }

        return index;
    }

    private static string[] Number(int count) =>
        [.. Enumerable.Range(1, count).Select(key => key.ToString(CultureInfo.InvariantCulture))];
}
