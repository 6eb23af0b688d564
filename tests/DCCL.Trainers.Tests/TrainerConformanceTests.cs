using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.TestKit;
using DCCL.TestKit.Conformance;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.Trainers.Tests;

/// <summary>Every estimator of the package is one of ML.NET's: schema, wrong input, determinism, cursors, row mapper, save and load.</summary>
public sealed class TrainerConformanceTests
{
    private static readonly Checkerboard _board = new();
    private static readonly PlantedFleet _planted = new(2);
    private static readonly TrainingRunOptions _run = new() { NumberOfThreads = 1 };
    private static readonly DataViewType _key = new KeyDataViewType(typeof(uint), 10);
    private static readonly DataViewType _text = TextDataViewType.Instance;

    private static readonly InputColumn _timestamp = new(
        "Timestamp", _text, BooleanDataViewType.Instance, _key, new VectorDataViewType(NumberDataViewType.Double, 2));

    private static readonly InputColumn _label = new(
        "Label", _text, NumberDataViewType.Double, _key, new VectorDataViewType(BooleanDataViewType.Instance, 2));

    private static readonly InputColumn _profile = new(
        "Profile", _text, NumberDataViewType.Double, new VectorDataViewType(NumberDataViewType.Double, 2), new VectorDataViewType(NumberDataViewType.Single));

    private static readonly InputColumn[] _keys = [InputColumn.Key("UserKey"), InputColumn.Key("ItemKey")];

    [Test]
    public void Din_WithLabelsAndProfiles_Conforms() => EstimatorConformance.Check(
        LoadBoard,
        context => context.DeviceCloud().Trainers.Din(Din(new InteractionColumns("UserKey", "ItemKey", "Timestamp", "Label", "Profile"))),
        Reading([.. _keys, _timestamp, _label, _profile]));

    [Test]
    public void SasRec_WithLabelsAndProfiles_Conforms() => EstimatorConformance.Check(
        LoadBoard,
        context => context.DeviceCloud().Trainers.SasRec(SasRec(new InteractionColumns("UserKey", "ItemKey", "Timestamp", "Label", "Profile"))),
        Reading([.. _keys, _timestamp, _label, _profile]));

    [Test]
    public void SasRec_OnEvents_Conforms() => EstimatorConformance.Check(
        LoadBoard,
        context => context.DeviceCloud().Trainers.SasRec(SasRec(new InteractionColumns("UserKey", "ItemKey", "Timestamp"))),
        Reading([.. _keys, _timestamp]));

    [Test]
    public void Din_WithAColumnThatItsModelWouldRead_RefusesAWrongOne()
    {
        MLContext context = new(seed: 1);
        IDataView log = context.Transforms.CopyColumns("History", "User").Fit(LoadBoard(context)).Transform(LoadBoard(context));
        IEstimator<ITransformer>[] trainers =
        [
            context.DeviceCloud().Trainers.Din(Din(new InteractionColumns("UserKey", "ItemKey"))),
            context.DeviceCloud().Trainers.SasRec(SasRec(new InteractionColumns("UserKey", "ItemKey"))),
            context.DeviceCloud().Trainers.Collaborative(Collaborative(0)),
        ];
        foreach (IEstimator<ITransformer> trainer in trainers)
        {
            const string Message =
                "Column 'History' must be a vector of Key<UInt32>, but is String. Map its items to the keys of the item column, or rename the column.";
            Assert.That(() => trainer.GetOutputSchema(SchemaShapeColumns.Of(log.Schema)), Throws.ArgumentException.With.Message.EqualTo(Message));
            Assert.That(() => trainer.Fit(log), Throws.ArgumentException.With.Message.EqualTo(Message));
        }
    }

    [TestCase(0)]
    [TestCase(1)]
    public void Collaborative_OfRounds_Conforms(int rounds) => EstimatorConformance.Check(
        LoadBoard,
        context => context.DeviceCloud().Trainers.Collaborative(Collaborative(rounds)),
        Reading([.. _keys, _timestamp]));

    [Test]
    public void MetaPatch_OnKeys_Conforms() => EstimatorConformance.Check(
        context => PlantedFleet.MapKeys(context).Transform(context.Data.LoadFromEnumerable(_planted.Device)),
        context => context.DeviceCloud().Trainers.MetaPatch(_planted.CreateModel(context, withBasis: false).DeviceCloudModel(), MetaPatch()),
        Reading([.. _keys, _timestamp, _label]));

    [Test]
    public void MetaPatch_OnARawLog_Conforms() => EstimatorConformance.Check(
        context => context.Data.LoadFromEnumerable(_planted.Device),
        context => context.DeviceCloud().Trainers.MetaPatch(_planted.CreateModel(context, withBasis: false), MetaPatch()),
        Reading([new InputColumn("User", NumberDataViewType.Single), new InputColumn("Item", BooleanDataViewType.Instance), _timestamp, _label]));

    [Test]
    public void MetaPatch_OnAModelWithProfiles_RefusesThoseOfAnotherLength()
    {
        MLContext context = new(seed: 1);
        IDataView log = LoadBoard(context);
        ITransformer cloud = context.DeviceCloud().Trainers
            .Din(Din(new InteractionColumns("UserKey", "ItemKey", "Timestamp", null, "Profile"))).Fit(log);
        EstimatorConformance.Check(
            LoadBoard,
            other => other.DeviceCloud().Trainers.MetaPatch(cloud, MetaPatch()),
            Reading([.. _keys, _timestamp, _profile with { WrongSizes = [new VectorDataViewType(NumberDataViewType.Single, 3)] }]));
    }

    [Test]
    public void MoMoDistill_OnARawLog_Conforms() => EstimatorConformance.Check(
        context => context.Data.LoadFromEnumerable(_planted.Cloud.Concat(_planted.Device)),
        context => context.DeviceCloud().Trainers.MoMoDistill(CreateFleet(context), MoMoDistill()),
        Reading([new InputColumn("User", NumberDataViewType.Single), new InputColumn("Item", BooleanDataViewType.Instance), _timestamp, _label]));

    private static IDataView LoadBoard(MLContext context) => EventRow.LoadWithKeys(context, _board.Events.Select((row, i) => new EventRow
    {
        User = row.User,
        Item = row.Item,
        Timestamp = row.Timestamp,
        Label = i % 5 > 0,
        Profile = [i % 2, 1],
    }).ToList());

    private static ITransformer CreateFleet(MLContext context) => _planted.CreateModel(
        context, patches: new UserPatches(4, [.. _planted.Thetas], [.. Enumerable.Repeat(PatchStatus.Patched, PlantedFleet.NumberOfUsers)]));

    private static ConformanceOptions Reading(IReadOnlyList<InputColumn> inputs) =>
        new() { Inputs = inputs, ExplainsFaults = true, HasOwnSeed = true };

    private static DinTrainer.Options Din(InteractionColumns columns) => new()
    {
        Columns = columns,
        EmbeddingDimension = 6,
        HistoryLength = 6,
        ActivationUnitSize = 6,
        HiddenLayerSizes = [8, 6],
        NumberOfEpochs = 2,
        BatchSize = 50,
        Run = _run,
    };

    private static SasRecTrainer.Options SasRec(InteractionColumns columns) => new()
    {
        Columns = columns,
        EmbeddingDimension = 6,
        HistoryLength = 6,
        FeedForwardSize = 8,
        NumberOfEpochs = 2,
        BatchSize = 50,
        Run = _run,
    };

    private static MetaPatchTrainer.Options MetaPatch() => new()
    {
        PatchSize = 4,
        BottleneckSize = 2,
        Layers = [0],
        NumberOfBasisEpochs = 1,
        NumberOfSteps = 5,
        Run = _run,
    };

    private static MoMoDistillEstimator.Options MoMoDistill() => new()
    {
        NumberOfFolds = 2,
        NumberOfEpochs = 1,
        NumberOfTeacherEpochs = 1,
        NumberOfPatchEpochs = 1,
        StageTwoFraction = 0.2,
        BatchSize = 64,
        EncoderSize = 6,
        Patches = MetaPatch(),
        Run = _run,
    };

    private static CollaborativeTrainer.Options Collaborative(int rounds) => new()
    {
        NumberOfRounds = rounds,
        DeviceFraction = 0.4,
        Cloud = Din(new InteractionColumns("UserKey", "ItemKey", "Timestamp")),
        Patches = MetaPatch(),
        Distillation = new MoMoDistillEstimator.Options { NumberOfEpochs = 1, NumberOfPatchEpochs = 1, NumberOfFolds = 2, StageTwoFraction = 0.3 },
    };
}
