using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.TestKit;
using Microsoft.ML;

namespace DCCL.Trainers.Tests;

/// <summary>
/// Two groups of users, each with items of its own that everybody takes in any order, and a cloud model that was never trained: all that can be
/// known is who had what.
/// </summary>
internal sealed class TwoGroups
{
    public const int NumberOfUsers = 40;
    private const int ItemsOfAGroup = 40;
    private const int NumberOfCloudEvents = 10;
    private const int NumberOfDeviceEvents = 15;
    private const int NumberOfTestEvents = 5;

    /// <summary>Draws the events.</summary>
    /// <param name="deviceAtRandom">Whether devices have items of both groups, at random.</param>
    public TwoGroups(bool deviceAtRandom = false)
    {
        SeededRandom random = new(1);
        List<EventRow> events = [];
        for (int user = 1; user <= NumberOfUsers; user++)
        {
            int[] own = [.. Enumerable.Range(1, ItemsOfAGroup).Select(n => (2 * n) - (user % 2))];
            random.Shuffle<int>(own);
            int[] rest = deviceAtRandom ? [.. Enumerable.Range(1, 2 * ItemsOfAGroup).Except(own[..NumberOfCloudEvents])] : own[NumberOfCloudEvents..];
            random.Shuffle<int>(rest);
            int[] items = [.. own[..NumberOfCloudEvents], .. rest[..(NumberOfDeviceEvents + NumberOfTestEvents)]];
            events.AddRange(items.Select((item, i) => new EventRow { User = $"u{user}", Item = $"i{item}", Timestamp = i }));
        }

        Cloud = [.. events.Where(row => row.Timestamp < NumberOfCloudEvents)];
        Device = [.. events.Where(row => row.Timestamp is >= NumberOfCloudEvents and < NumberOfCloudEvents + NumberOfDeviceEvents)];
        Test = [.. events.Where(row => row.Timestamp >= NumberOfCloudEvents + NumberOfDeviceEvents)];
    }

    public IReadOnlyList<EventRow> Cloud { get; }

    public IReadOnlyList<EventRow> Device { get; }

    public IReadOnlyList<EventRow> Test { get; }

    /// <summary>The cloud model behind the mapping of ids, without patches.</summary>
    /// <param name="context">The context.</param>
    /// <param name="remembers">Whether it remembers the cloud's events.</param>
    /// <param name="backbone">"din" or "sasrec".</param>
    public ITransformer CreateModel(MLContext context, bool remembers = true, string backbone = "din")
    {
        const int NumberOfItems = 2 * ItemsOfAGroup;
        BackboneArchitecture architecture = backbone == "din"
            ? new DinArchitecture { NumberOfItems = NumberOfItems, EmbeddingDimension = 6, HistoryLength = 5, ActivationUnitSize = 6, HiddenLayerSizes = [10, 8] }
            : new SasRecArchitecture { NumberOfItems = NumberOfItems, EmbeddingDimension = 6, HistoryLength = 5, FeedForwardSize = 8 };
        return RememberingModel.Create(context, RandomModel.Create(new SeededRandom(1), architecture), NumberOfUsers, Cloud, remembers);
    }
}
