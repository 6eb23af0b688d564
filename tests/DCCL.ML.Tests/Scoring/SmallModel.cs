using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using Microsoft.ML.Data;

namespace DCCL.ML.Tests.Scoring;

/// <summary>A transformer of six items and five users: 1 has a patch, 2 is gated, 3 and 4 never trained one, 5 has no history.</summary>
internal static class SmallModel
{
    public const int NumberOfItems = 6;
    public const int NumberOfUsers = 5;

    public static DinArchitecture Architecture(int profileDimension = 0) => new()
    {
        NumberOfItems = NumberOfItems,
        HistoryLength = 3,
        EmbeddingDimension = 4,
        ActivationUnitSize = 5,
        HiddenLayerSizes = [6, 4],
        ProfileDimension = profileDimension,
    };

    public static InteractionLog Log(int profileDimension = 0) => InteractionLog.Create(
        NumberOfUsers,
        NumberOfItems,
        [1, 1, 1, 1, 2, 2, 3, 4, 4],
        [1, 2, 3, 4, 5, 6, 1, 2, 2],
        [0, 1, 2, 3, 4, 5, 6, 7, 8],
        labels: [true, true, false, true, true, true, true, true, true],
        profiles: profileDimension == 0 ? null : [.. Enumerable.Range(1, NumberOfUsers * profileDimension).Select(i => 0.1f * i)],
        profileDimension: profileDimension);

    public static DeviceCloudPredictionTransformer Create(
        bool servesColdStart = false, int profileDimension = 0, PatchActivation activation = PatchActivation.Tanh)
    {
        DinArchitecture architecture = Architecture(profileDimension);
        SeededRandom random = new(5);
        PatchEncoderArchitecture encoder = new() { HiddenSize = 3, ServesColdStart = servesColdStart };
        DeviceCloudModelParameters parameters =
            RandomModel.Create(random, architecture, new PatchArchitecture { PatchSize = 3, BottleneckSize = 2, Layers = [0, 1], Activation = activation }, encoder);
        BehaviorHistory history = BehaviorHistory.FromLog(Log(profileDimension), architecture, [3, 5, 6, 7, double.NegativeInfinity]);
        UserPatches patches = new(
            3,
            [0.5f, -1, 1, .. new float[12]],
            [PatchStatus.Patched, PatchStatus.Gated, PatchStatus.Cloud, PatchStatus.Cloud, PatchStatus.Cloud]);
        InteractionColumns columns = new("User", "Item", "Time", "Label", profileDimension > 0 ? "Profile" : null);
        return new DeviceCloudPredictionTransformer(
            parameters, patches, history, columns)
        {
            UserIds = ["anna", "bob", "carla", "dora", "emil"],
            ItemIds = ["a", "b", "c", "d", "e", "f"],
            NumberOfThreads = 1,
        };
    }

    /// <summary>
    /// The value from which ML.NET makes a key when it loads objects: one less, and anything too large for a missing key.
    /// (Keys inside of vectors it takes as they are.)
    /// </summary>
    public static uint Key(int key) => unchecked((uint)(key - 1));

    public static Pair[] AllPairs() =>
    [
        .. from user in Enumerable.Range(0, NumberOfUsers + 1)
           from item in Enumerable.Range(0, NumberOfItems + 1)
           select new Pair { User = Key(user), Item = Key(item) },
    ];

    public class Pair
    {
        [KeyType(NumberOfUsers)]
        public uint User { get; set; }

        [KeyType(NumberOfItems)]
        public uint Item { get; set; }
    }

    public sealed class PairWithHistory : Pair
    {
        [KeyType(NumberOfItems)]
        [VectorType]
        public uint[] History { get; set; } = [];
    }

    public sealed class PairWithProfile : Pair
    {
        [VectorType(2)]
        public float[] Profile { get; set; } = [];
    }

    public sealed class Prediction
    {
        public float Score { get; set; }

        public float Probability { get; set; }

        public bool PredictedLabel { get; set; }

        public uint PatchStatus { get; set; }
    }
}
