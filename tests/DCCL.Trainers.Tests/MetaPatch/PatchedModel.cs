using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;

namespace DCCL.Trainers.Tests.MetaPatch;

/// <summary>A random model with a basis, samples of some users, and the same in double precision.</summary>
/// <remarks>The samples belong to the dispose scope in which the model was made.</remarks>
internal sealed class PatchedModel : IDisposable
{
    private readonly ScoringBatch _batch;
    private readonly TextbookNetwork _textbook;

    public PatchedModel(
        SeededRandom random, PatchArchitecture? patch = null, int? numberOfUsers = null, int? numberOfSamples = null, DinActivation? activation = null,
        string backbone = "din")
    {
        BackboneArchitecture architecture = RandomModel.CreateArchitecture(random, backbone);
        if (architecture is DinArchitecture din)
        {
            din = patch is null ? din : din with { HiddenLayerSizes = [8, 7, 6] };
            architecture = activation is null ? din : din with { Activation = activation.Value };
        }

        Parameters = RandomModel.Create(random, architecture, patch ?? RandomModel.CreatePatch(random, architecture));
        _batch = RandomModel.CreateBatch(
            random, Parameters, numberOfUsers ?? 1 + random.Next(5), numberOfSamples ?? 1 + random.Next(12), 1 + random.Next(architecture.HistoryLength), 0);
        _textbook = TextbookNetwork.Create(Parameters, random);
        Module = Backbones.Create(Parameters);
        Frozen = Module.Replicate(frozen: true);
        Patch = TorchModels.CreatePatch(Parameters);
        Chunk = _batch.ToChunk(Frozen, Parameters, random);
        Labels = Chunk.Label.ToArray();
        Weights = Chunk.Weight.ToArray();
    }

    public DeviceCloudModelParameters Parameters { get; }

    public TorchBackbone Module { get; }

    public TorchBackbone Frozen { get; }

    public PatchTensors Patch { get; }

    public SampleChunk Chunk { get; }

    public float[] Labels { get; }

    public float[] Weights { get; }

    public int NumberOfUsers => _batch.NumberOfGroups;

    public int NumberOfSamples => _batch.NumberOfCandidates;

    public int PatchSize => Parameters.Patch!.PatchSize;

    /// <summary>The logit of a sample under a patch.</summary>
    public double GetLogit(int user, int sample, double[] theta) => GetLogit(_textbook, user, sample, theta);

    /// <summary>The same with another basis.</summary>
    public double GetLogit(TextbookNetwork textbook, int user, int sample, double[] theta)
    {
        int profile = Parameters.Architecture.ProfileDimension;
        return textbook.GetLogit(
            _batch.Items[(user * NumberOfSamples) + sample],
            _batch.History.AsSpan(user * _batch.HistoryLength, _batch.HistoryLength),
            _batch.Profiles.AsSpan(user * profile, profile),
            theta);
    }

    /// <summary>The logits without intercept between two patches, at one of the gate's strengths [users, samples].</summary>
    public double[] GetLogitsOnTheWay(float[] start, float[] learnt, int strength) => [.. Enumerable.Range(0, NumberOfUsers * NumberOfSamples).Select(i =>
    {
        int user = i / NumberOfSamples;
        float[] theta = new float[PatchSize];
        PatchGate.Apply(start.AsSpan(user * PatchSize, PatchSize), learnt.AsSpan(user * PatchSize, PatchSize), strength, theta);
        theta[0] = 0;
        return GetLogit(user, i % NumberOfSamples, [.. theta.Select(value => (double)value)]);
    })];

    /// <summary>The weighted cross-entropy of a user under a patch.</summary>
    public double GetLoss(int user, double[] theta) => Enumerable.Range(0, NumberOfSamples).Sum(sample =>
        Weights[(user * NumberOfSamples) + sample] * CrossEntropy(GetLogit(user, sample, theta), Labels[(user * NumberOfSamples) + sample]));

    /// <summary>-log of the probability of a label.</summary>
    public static double CrossEntropy(double logit, double label) =>
        (Math.Max(logit, 0) - (logit * label)) + Math.Log(1 + Math.Exp(-Math.Abs(logit)));

    public override string ToString() => $"{Parameters.Architecture} {Parameters.Patch} {NumberOfUsers} users, {NumberOfSamples} samples";

    public void Dispose()
    {
        Patch.Dispose();
        Frozen.Dispose();
        Module.Dispose();
    }
}
