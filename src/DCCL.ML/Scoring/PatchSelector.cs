using DCCL.ML.Model;

namespace DCCL.ML.Scoring;

/// <summary>Chooses the patch that a user is served with.</summary>
/// <remarks>
/// In this order: the user's own patch; none if the user's patch was gated; for a user who never trained one, the patch that
/// the encoder predicts from the profile or the history, if the model serves such; else none. Immutable and thread-safe.
/// </remarks>
public sealed class PatchSelector
{
    private const int MaximumStackLength = 256;

    private readonly UserPatches? _patches;
    private readonly PatchEncoder? _encoder;

    /// <summary>Prepares the choice.</summary>
    /// <param name="parameters">The model.</param>
    /// <param name="patches">The users' patches; null if nobody has one.</param>
    /// <exception cref="ArgumentException">The patches are not of the model's patch size.</exception>
    public PatchSelector(DeviceCloudModelParameters parameters, UserPatches? patches)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        PatchSize = parameters.Patch?.PatchSize ?? 0;
        if (patches is not null && patches.PatchSize != PatchSize)
        {
            throw new ArgumentException(
                $"The patches must have the model's size {PatchSize}, but have {patches.PatchSize}. Retrain them with MetaPatch.",
                nameof(patches));
        }

        _patches = patches;
        _encoder = parameters.Encoder is { ServesColdStart: true } ? new PatchEncoder(parameters) : null;
    }

    /// <summary>Gets d, the length of a patch; 0 if the model has no basis, so that nobody can have a patch.</summary>
    public int PatchSize { get; }

    /// <summary>Chooses a user's patch.</summary>
    /// <param name="user">The user's key value; 0 is an unknown user.</param>
    /// <param name="history">The item key values of the user's history in any order; 0 is skipped.</param>
    /// <param name="profile">The user's profile; empty if the model has no profile input.</param>
    /// <param name="patch">Receives the patch, <see cref="PatchSize"/> values.</param>
    /// <returns>What the user gets.</returns>
    public PatchStatus Select(int user, ReadOnlySpan<long> history, ReadOnlySpan<float> profile, Span<float> patch)
    {
        patch = patch[..PatchSize];
        PatchStatus status = user <= 0 ? PatchStatus.UnknownUser : _patches?.GetStatus(user) ?? PatchStatus.Cloud;
        if (status == PatchStatus.Patched)
        {
            _patches![user].CopyTo(patch);
        }
        else if (status == PatchStatus.Cloud && _encoder is not null && TryPredict(_encoder, history, profile, patch))
        {
            status = PatchStatus.ColdStart;
        }
        else
        {
            patch.Clear();
        }

        return status;
    }

    private static bool TryPredict(PatchEncoder encoder, ReadOnlySpan<long> history, ReadOnlySpan<float> profile, Span<float> patch)
    {
        Span<int> items = history.Length <= MaximumStackLength ? stackalloc int[history.Length] : new int[history.Length];
        for (int i = 0; i < items.Length; i++)
        {
            items[i] = (int)history[i];
        }

        Span<float> user = encoder.UserSize <= MaximumStackLength ? stackalloc float[encoder.UserSize] : new float[encoder.UserSize];
        if (!encoder.TryGetUserVector(items, profile, user))
        {
            return false;
        }

        encoder.Encode([], user, patch);
        return true;
    }
}
