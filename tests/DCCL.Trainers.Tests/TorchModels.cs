using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Tests;

/// <summary>Torch's side of a model and of a batch that ONNX Runtime scores.</summary>
internal static class TorchModels
{
    /// <summary>The patches' basis in torch.</summary>
    public static PatchTensors CreatePatch(DeviceCloudModelParameters parameters) =>
        new(parameters.Patch!, parameters.Architecture, shape => parameters[shape.Name].ToArray());

    /// <summary>An intercept alone, whose samples begin at a layer.</summary>
    public static PatchTensors CreateIntercept(BackboneArchitecture architecture, int layer) =>
        new(new PatchArchitecture { PatchSize = 1, Layers = [layer] }, architecture, _ => []);

    /// <summary>The batch as a trainer would build it; its tensors belong to the current dispose scope.</summary>
    public static TrainingBatch ToTrainingBatch(this ScoringBatch batch, DeviceCloudModelParameters parameters)
    {
        int groups = batch.NumberOfGroups;
        int profile = parameters.Architecture.ProfileDimension;
        int[] lengths = new int[groups];
        for (int group = 0; group < groups; group++)
        {
            lengths[group] = 1 + Array.FindLastIndex(batch.History[(group * batch.HistoryLength)..((group + 1) * batch.HistoryLength)], item => item != 0);
        }

        return new TrainingBatch(
            tensor(batch.Items[..(groups * batch.NumberOfCandidates)], groups, batch.NumberOfCandidates),
            tensor(batch.History[..(groups * batch.HistoryLength)], groups, batch.HistoryLength),
            lengths,
            profile == 0 ? null : tensor(batch.Profiles[..(groups * profile)], groups, profile));
    }

    /// <summary>The batch as samples of one user per group, each with a label and a weight of its own.</summary>
    public static SampleChunk ToChunk(this ScoringBatch batch, TorchBackbone module, DeviceCloudModelParameters parameters, SeededRandom random)
    {
        long[] shape = [batch.NumberOfGroups, batch.NumberOfCandidates];
        int samples = batch.NumberOfGroups * batch.NumberOfCandidates;
        using IDisposable noGradients = no_grad();
        using PatchTensors patch = CreatePatch(parameters);
        (Tensor activation, Tensor offset) = patch.Encode(module, batch.ToTrainingBatch(parameters));
        return new SampleChunk(
            [.. Enumerable.Range(0, batch.NumberOfGroups)],
            activation,
            offset,
            tensor(Enumerable.Range(0, samples).Select(_ => (float)random.Next(2)).ToArray(), shape),
            tensor(Enumerable.Range(0, samples).Select(_ => random.Next(4) == 0 ? 0 : 0.25f + random.NextSingle()).ToArray(), shape),
            zeros(shape))
        {
            IsEvent = ones(shape),
            SamplesPerEvent = 1,
        };
    }

    /// <summary>The logits under patches, as the solver of patches sees them.</summary>
    public static float[] Score(
        this ScoringBatch batch, TorchBackbone module, PatchTensors tensors, DeviceCloudModelParameters parameters, float[] patches)
    {
        PatchSolver solver = new(module, tensors, new PatchSolver.Settings(1, 1, 1, 0.1));
        SampleChunk chunk = batch.ToChunk(module, parameters, new SeededRandom(1));
        return solver.Score(chunk, tensor(patches, batch.NumberOfGroups, parameters.Patch!.PatchSize)).ToArray();
    }
}
