using DCCL.ML.Model;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MoMoDistill;

/// <summary>Models with patches on a basis, or of weights that are learnt by steps.</summary>
/// <remarks>
/// Teachers are over-confident on the events they learnt from, so each of a user's device events has a fold, and its teacher is a
/// patch learnt from the other folds. Users without a patch, or whose patch was gated, or whose patch does not help the cloud model
/// that it stands on now, teach nothing: weight 0. Neither does anyone
/// on the cloud's events: the cloud model knows them. Scoring is thread-safe. Owns nothing.
/// </remarks>
internal sealed class Teachers : ITeachers
{
    private readonly TorchBackbone _model;
    private readonly PatchTensors _patch;
    private readonly UserPatches _patches;
    private readonly float[][] _foldPatches;
    private readonly IReadOnlyDictionary<int, int> _strengths;

    /// <summary>Creates the teachers.</summary>
    /// <param name="model">The cloud model that the patches stand on, frozen.</param>
    /// <param name="patch">The old basis.</param>
    /// <param name="patches">The patches of all users.</param>
    /// <param name="foldPatches">The patches learnt without each fold [folds][(user - 1) d + k].</param>
    /// <param name="strengths">How much of each user's patch teaches, the index of one of <see cref="PatchGate.Strengths"/>.</param>
    public Teachers(
        TorchBackbone model, PatchTensors patch, UserPatches patches, float[][] foldPatches, IReadOnlyDictionary<int, int> strengths)
    {
        _model = model;
        _patch = patch;
        _patches = patches;
        _foldPatches = foldPatches;
        _strengths = strengths;
    }

    /// <summary>Creates the teachers, gated on the events of stage 2, which neither their patches nor their cloud model have seen.</summary>
    /// <param name="training">Scores patches on the cloud model that they stand on.</param>
    /// <param name="model">This cloud model, frozen.</param>
    /// <param name="patch">The basis.</param>
    /// <param name="patches">The patches of all users.</param>
    /// <param name="foldPatches">The patches learnt without each fold [folds][(user - 1) d + k].</param>
    /// <param name="plan">The plan.</param>
    /// <param name="events">All events.</param>
    /// <param name="heldOut">The events of stage 2, encoded by the cloud model.</param>
    public static Teachers Create(
        PatchTraining training, TorchBackbone model, PatchTensors patch, UserPatches patches, float[][] foldPatches, DistillationPlan plan,
        EventTable events, SampleStore heldOut)
    {
        Teachers ungated = new(model, patch, patches, foldPatches, new Dictionary<int, int>());
        Dictionary<int, int> counts = plan.CountDeviceEvents(events).Where(pair => ungated.HasPatch(pair.Key)).ToDictionary();
        return new Teachers(model, patch, patches, foldPatches, training.ChooseStrengths(
            patch, heldOut, i => ungated.GetPatches([.. heldOut.Chunks[i].Rows.Select(row => heldOut.Users[row])], plan.StageTwoFold), counts));
    }

    /// <summary>Whether a user has a patch of their own.</summary>
    public bool HasPatch(int user) => _patches.GetStatus(user) == PatchStatus.Patched;

    /// <summary>Whether a user's patch teaches.</summary>
    public bool Teaches(int user) => HasPatch(user) && _strengths.GetValueOrDefault(user) > 0;

    /// <summary>A user's patch that has not seen a fold, as it was learnt.</summary>
    /// <param name="user">The user's key value.</param>
    /// <param name="fold">The fold.</param>
    public ReadOnlySpan<float> GetPatch(int user, int fold) =>
        _foldPatches[fold].AsSpan((user - 1) * _patches.PatchSize, _patches.PatchSize);

    /// <summary>The patches of several users that have not seen a fold, as they were learnt, zero for who has none [users, d].</summary>
    public Tensor GetPatches(IReadOnlyList<int> users, int fold) => Collect(users, (user, result) =>
    {
        if (HasPatch(user))
        {
            GetPatch(user, fold).CopyTo(result);
        }
    });

    /// <summary>The patches that teach on a fold's events, zero for who does not teach [users, d].</summary>
    public Tensor GetTeachingPatches(IReadOnlyList<int> users, int fold) => Collect(users, (user, result) => GetTeachingPatch(user, fold, result));

    /// <inheritdoc/>
    public (Tensor Logits, Tensor Weights)? Score(TrainingBatch batch, ReadOnlySpan<int> users, ReadOnlySpan<int> folds)
    {
        int size = _patches.PatchSize;
        float[] values = new float[users.Length * size];
        float[] weights = new float[users.Length];
        for (int i = 0; i < users.Length; i++)
        {
            if (folds[i] >= 0 && Teaches(users[i]))
            {
                weights[i] = 1;
                GetTeachingPatch(users[i], folds[i], values.AsSpan(i * size, size));
            }
        }

        if (!weights.AsSpan().Contains(1f))
        {
            return null;
        }

        using IDisposable noGradients = torch.no_grad();
        Tensor patches = torch.tensor(values, users.Length, size);
        (Tensor activation, Tensor offset) = _patch.Encode(_model, batch);
        Tensor logits = _patch.Decode(_model, activation, offset, patches).Plus(patches.narrow(1, 0, 1));
        return (logits, torch.tensor(weights, users.Length, 1));
    }

    /// <summary>The logits of a chunk's users, each with one patch [users, samples].</summary>
    /// <param name="chunk">The samples, encoded by the cloud model that the patches stand on.</param>
    /// <param name="patches">The patches [users, d].</param>
    public Tensor Score(SampleChunk chunk, Tensor patches) =>
        _patch.Decode(_model, chunk.Activation, chunk.Offset, patches).Plus(patches.narrow(1, 0, 1));

    private void GetTeachingPatch(int user, int fold, Span<float> result)
    {
        result.Clear();
        if (Teaches(user))
        {
            PatchGate.Apply(result, GetPatch(user, fold), _strengths[user], result);
        }
    }

    private Tensor Collect(IReadOnlyList<int> users, Action<int, Span<float>> copy)
    {
        int size = _patches.PatchSize;
        float[] values = new float[users.Count * size];
        for (int i = 0; i < users.Count; i++)
        {
            copy(users[i], values.AsSpan(i * size, size));
        }

        return torch.tensor(values, users.Count, size);
    }
}
