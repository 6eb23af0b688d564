namespace DCCL.ML.Model;

/// <summary>Evaluates the patch encoder <c>U(theta, u) = theta + V1 tanh(V2 theta + V3 u + b)</c> of a model.</summary>
/// <remarks>Immutable and thread-safe. Source: Yao et al., KDD 2021, section 3.3.</remarks>
public sealed class PatchEncoder
{
    private readonly int _patchSize;
    private readonly int _userSize;
    private readonly int _hiddenSize;
    private readonly ReadOnlyMemory<float> _v1;
    private readonly ReadOnlyMemory<float> _v2;
    private readonly ReadOnlyMemory<float> _v3;
    private readonly ReadOnlyMemory<float> _bias;
    private readonly ReadOnlyMemory<float> _itemEmbedding;
    private readonly bool _usesProfile;

    /// <summary>Prepares the encoder of a model.</summary>
    /// <param name="parameters">A model that has an encoder.</param>
    /// <exception cref="ArgumentException">The model has none.</exception>
    public PatchEncoder(DeviceCloudModelParameters parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (parameters.Encoder is null || parameters.Patch is null)
        {
            throw new ArgumentException("The model must have a patch encoder, but has none. Run MoMoDistill first.", nameof(parameters));
        }

        _patchSize = parameters.Patch.PatchSize;
        _hiddenSize = parameters.Encoder.HiddenSize;
        _usesProfile = parameters.Architecture.ProfileDimension > 0;
        _userSize = _usesProfile ? parameters.Architecture.ProfileDimension : parameters.Architecture.EmbeddingDimension;
        _v1 = parameters["encoder.v1"];
        _v2 = parameters["encoder.v2"];
        _v3 = parameters["encoder.v3"];
        _bias = parameters["encoder.bias"];
        _itemEmbedding = parameters["item.embedding"];
    }

    /// <summary>Computes the user vector <c>u</c>: the profile, or the mean embedding of the history's known items.</summary>
    /// <param name="history">Item key values; 0 is skipped. Not used if the model has a profile input.</param>
    /// <param name="profile">The profile; not used if the model has no profile input.</param>
    /// <param name="user">Receives <c>u</c>.</param>
    /// <returns>Whether there was anything to compute it from; if not, <paramref name="user"/> is zero.</returns>
    public bool TryGetUserVector(ReadOnlySpan<int> history, ReadOnlySpan<float> profile, Span<float> user)
    {
        user = user[.._userSize];
        user.Clear();
        if (_usesProfile)
        {
            if (profile.Length != _userSize)
            {
                return false;
            }

            profile.CopyTo(user);
            return true;
        }

        int count = 0;
        foreach (int item in history)
        {
            if (item == 0)
            {
                continue;
            }

            count++;
            ReadOnlySpan<float> embedding = _itemEmbedding.Span.Slice(item * _userSize, _userSize);
            for (int i = 0; i < user.Length; i++)
            {
                user[i] += embedding[i];
            }
        }

        for (int i = 0; i < user.Length && count > 0; i++)
        {
            user[i] /= count;
        }

        return count > 0;
    }

    /// <summary>Gets the length of the user vector.</summary>
    public int UserSize => _userSize;

    /// <summary>Computes <c>U(theta, u)</c>.</summary>
    /// <param name="patch"><c>theta</c>, d values; empty stands for zero.</param>
    /// <param name="user"><c>u</c>, <see cref="UserSize"/> values.</param>
    /// <param name="result">Receives d values; must not overlap <paramref name="patch"/>.</param>
    public void Encode(ReadOnlySpan<float> patch, ReadOnlySpan<float> user, Span<float> result)
    {
        result = result[.._patchSize];
        result.Clear();
        for (int h = 0; h < _hiddenSize; h++)
        {
            float sum = _bias.Span[h];
            for (int i = 0; i < patch.Length; i++)
            {
                sum += patch[i] * _v2.Span[(i * _hiddenSize) + h];
            }

            for (int i = 0; i < _userSize; i++)
            {
                sum += user[i] * _v3.Span[(i * _hiddenSize) + h];
            }

            float hidden = MathF.Tanh(sum);
            for (int i = 0; i < _patchSize; i++)
            {
                result[i] += hidden * _v1.Span[(h * _patchSize) + i];
            }
        }

        for (int i = 0; i < patch.Length; i++)
        {
            result[i] += patch[i];
        }
    }
}
