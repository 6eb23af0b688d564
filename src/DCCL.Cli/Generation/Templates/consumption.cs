// Written by 'dccl train': loads {{Name}}.mlnet and asks it. Needs the package DCCL.ML alone.
using DCCL.ML;
using DCCL.ML.Device;
using DCCL.ML.Recommendation;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace {{Name}}Code;

/// <summary>The model {{Name}}. Thread-safe.</summary>
public static partial class {{Name}}
{
    private static readonly Lock _lock = new();
    private static volatile ThreadLocal<PredictionEngine<ModelInput, ModelOutput>> _engine = CreateEngines();

    private static ITransformer? _model;
    private static Recommender? _recommender;

    /// <summary>An event: the columns of the log that the model was trained on.</summary>
    public sealed class ModelInput
    {
{{Properties}}
    }

    /// <summary>What the model says of a user and an item.</summary>
    public sealed class ModelOutput
    {
        /// <summary>Gets or sets the logit, higher is better; NaN for an item that the model does not know.</summary>
        public float Score { get; set; }

        /// <summary>Gets or sets the sigmoid of the score.</summary>
        public float Probability { get; set; }

        /// <summary>Gets or sets a value indicating whether the score is above zero.</summary>
        public bool PredictedLabel { get; set; }
    }

    /// <summary>Gets or sets where the model is loaded from, before it is first used.</summary>
    public static string ModelPath { get; set; } = Path.Combine(AppContext.BaseDirectory, "{{Name}}.mlnet");

    /// <summary>Gets the model, with what was learnt since.</summary>
    public static ITransformer Model
    {
        get
        {
            lock (_lock)
            {
                return _model ??= new MLContext().Model.Load(ModelPath, out _);
            }
        }
    }

    private static Recommender Recommender
    {
        get
        {
            lock (_lock)
            {
                return _recommender ??= new MLContext().DeviceCloud().CreateRecommender(Model);
            }
        }
    }

    /// <summary>Scores one item for one user, by the file of the model and the patches that were learnt since.</summary>
    public static ModelOutput Predict(ModelInput input) => _engine.Value!.Predict(input);

    /// <summary>Gets the best items for a user, without those that the user has had. A user whom the model does not know is served as well.</summary>
    public static IReadOnlyList<RecommendedItem> PredictTopN(string userId, int numberOfItems = 10) => Recommender.Recommend(userId, numberOfItems);

    /// <summary>
    /// Adapts to a user: the items count as had from the next call on. With a model that 'dccl personalize' has been run on a patch of the
    /// user's own is learnt from them as well, on from the one that the user has, and kept if it helps on some that are held back. Nothing is
    /// written to the file of the model.
    /// </summary>
    /// <param name="userId">Who.</param>
    /// <param name="itemIds">What the user has had since, the oldest first.</param>
    /// <param name="refusedItemIds">
    /// What was shown to the user and refused in the same time, the oldest first; only for a model of a log with labels or ratings.
    /// </param>
    /// <param name="cancellationToken">Ends the learning.</param>
    /// <returns>What came of the patch; null where none was tried.</returns>
    public static async Task<PersonalizationResult?> Personalize(
        string userId, IReadOnlyList<string> itemIds, IReadOnlyList<string>? refusedItemIds = null, CancellationToken cancellationToken = default)
    {
        foreach (string itemId in itemIds)
        {
            Recommender.Observe(userId, itemId);
        }

        if (Model.DeviceCloudModel().Parameters.Patch is null || !Recommender.IsKnownUser(userId))
        {
            return null;
        }

        string folder = Directory.CreateTempSubdirectory("{{Name}}-").FullName;
        try
        {
            Model.ExportForDevice(Path.Combine(folder, "model"));
            string owner = Directory.CreateDirectory(Path.Combine(folder, "owner")).FullName;
            if (Model.GetUserPatches().TryGetValue(userId, out UserPatch? patch))
            {
                patch.Save(Path.Combine(owner, DeviceFiles.Patch));
            }

            using DevicePersonalizer device = new(Path.Combine(folder, "model"), owner);
            RecordAll(device, itemIds, isPositive: true);
            RecordAll(device, refusedItemIds ?? [], isPositive: false);

            PersonalizationResult result = await device.LearnAsync(cancellationToken);
            if (result.Status == PersonalizationStatus.Learnt)
            {
                Take(userId, device.Patch!);
            }

            return result;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Each list is spread over the same time.
    private static void RecordAll(DevicePersonalizer device, IReadOnlyList<string> itemIds, bool isPositive)
    {
        for (int i = 0; i < itemIds.Count; i++)
        {
            device.Record(itemIds[i], (i + 0.5) / itemIds.Count, isPositive);
        }
    }

    // Calls that are under way end with what they began with, which is therefore left to the garbage collector.
    private static void Take(string userId, UserPatch patch)
    {
        lock (_lock)
        {
            Recommender before = Recommender;
            _model = Model.WithUserPatches(new Dictionary<string, UserPatch> { [userId] = patch }, out _);
            _recommender = before.WithModel(_model);
            _engine = CreateEngines();
        }
    }

    private static ThreadLocal<PredictionEngine<ModelInput, ModelOutput>> CreateEngines() =>
        new(() => new MLContext().Model.CreatePredictionEngine<ModelInput, ModelOutput>(Model));
}
