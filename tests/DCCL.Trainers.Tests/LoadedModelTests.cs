using DCCL.ML;
using DCCL.ML.Model;
using DCCL.TestKit;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests;

/// <summary>Training goes on from a loaded model as from the one that was saved.</summary>
public sealed class LoadedModelTests
{
    private static readonly PlantedFleet _planted = new(2);
    private static readonly TrainingRunOptions _run = new() { NumberOfThreads = 1 };

    private readonly MLContext _ml = new(seed: 1);

    [Test]
    public void MetaPatch_OnALoadedCloudModel_GivesTheSameBytes() =>
        Check(_planted.CreateModel(_ml, withBasis: false), model => MetaPatch(model).Fit(Load(_planted.Device)));

    [Test]
    public void MetaPatch_OnALoadedFleet_StartsFromItsPatches()
    {
        ITransformer fleet = CreateFleet();
        ITransformer next = Check(fleet, model => MetaPatch(model).Fit(Load(_planted.Device)));
        ITransformer fromNone = MetaPatch(_planted.CreateModel(_ml)).Fit(Load(_planted.Device));
        Assert.That(
            next.DeviceCloudModel().Patches![1].ToArray(), Is.Not.EqualTo(fromNone.DeviceCloudModel().Patches![1].ToArray()), "the patches do count");
    }

    [Test]
    public void MoMoDistill_OnALoadedFleet_GivesTheSameBytes_AndSoDoesMetaPatchAfterIt()
    {
        ITransformer distilled = Check(CreateFleet(), model => MoMoDistill(model).Fit(Load(_planted.Cloud), Load(_planted.Device)));
        Assert.That(distilled.DeviceCloudModel().Parameters.Encoder, Is.Not.Null);
        ITransformer patched = Check(distilled, model => MetaPatch(model).Fit(Load(_planted.Test)));
        Assert.That(patched.DeviceCloudModel().Parameters.Encoder, Is.Not.Null, "the encoder goes on");
    }

    private ITransformer Check(ITransformer model, Func<ITransformer, ITransformer> train)
    {
        DataViewSchema schema = Load(_planted.Device).Schema;
        using MemoryStream zip = new();
        _ml.Model.Save(model, schema, zip);
        zip.Position = 0;
        ITransformer loaded = new MLContext(seed: 5).Model.Load(zip, out _);

        ITransformer expected = train(model);
        Assert.That(ModelParts.Read(_ml, train(loaded), schema), Is.EqualTo(ModelParts.Read(_ml, expected, schema)));
        return expected;
    }

    private IDataView Load(IEnumerable<EventRow> rows) => _ml.Data.LoadFromEnumerable(rows);

    private ITransformer CreateFleet() => _planted.CreateModel(
        _ml, patches: new UserPatches(4, [.. _planted.Thetas], [.. Enumerable.Repeat(PatchStatus.Patched, PlantedFleet.NumberOfUsers)]));

    private MetaPatchTrainer MetaPatch(ITransformer model) => _ml.DeviceCloud().Trainers.MetaPatch(model, Patches());

    private MoMoDistillEstimator MoMoDistill(ITransformer model) => _ml.DeviceCloud().Trainers.MoMoDistill(model, new MoMoDistillEstimator.Options
    {
        NumberOfFolds = 2,
        NumberOfEpochs = 1,
        NumberOfTeacherEpochs = 1,
        NumberOfPatchEpochs = 1,
        StageTwoFraction = 0.2,
        BatchSize = 64,
        EncoderSize = 6,
        Patches = Patches(),
        Run = _run,
    });

    private static MetaPatchTrainer.Options Patches() => new()
    {
        PatchSize = 4,
        BottleneckSize = 2,
        Layers = [0],
        NumberOfBasisEpochs = 1,
        NumberOfSteps = 5,
        Run = _run,
    };
}
