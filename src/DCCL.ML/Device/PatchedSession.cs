using System.Globalization;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace DCCL.ML.Device;

/// <summary>One exported model and many people's patches: scores with each person's own, and never with a wrong one.</summary>
/// <remarks>
/// <para>
/// ONNX Runtime takes an adapter of another model, flipped bits, NaN, and the last of two adapters, without a word. Here each of them is
/// refused; the candidates are then scored by the cloud model, and <see cref="PatchedScores"/> says so and why.
/// </para>
/// <para>Thread-safe. Owns a native session: dispose it when it is no longer used.</para>
/// </remarks>
public sealed class PatchedSession : IDisposable
{
    private const long MaximumFileLength = int.MaxValue;

    /// <summary>Results of a run grow with its candidates times the history: more of them would only cost memory.</summary>
    private const int CandidatesPerRun = 256;

    private readonly ExportedGraph _graph;
    private readonly PatchCache _cache;
    private readonly Func<string, byte[]?>? _source;
    private readonly float[] _zeros;

    /// <summary>Opens an exported model.</summary>
    /// <param name="path">The file that <c>ExportToOnnx</c> wrote, with key values as inputs and no patch baked in.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <exception cref="InvalidDataException">The file is another one, or was altered.</exception>
    public PatchedSession(string path, PatchedSessionOptions? options = null)
        : this(AtomicFile.Read(path, MaximumFileLength), path, options)
    {
    }

    /// <summary>Opens an exported model from the bytes of its file.</summary>
    /// <param name="file">The bytes.</param>
    /// <param name="name">What messages call the file.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <exception cref="InvalidDataException">The bytes are another file's, or were altered.</exception>
    public PatchedSession(byte[] file, string name, PatchedSessionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(name);
        options ??= new PatchedSessionOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaximumNumberOfPatches, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.NumberOfThreads, 1);
        _graph = new ExportedGraph(file, name, GraphMetadata.ModelKind, options.NumberOfThreads);
        try
        {
            PatchSize = CheckPatchInput(name);
            if (_graph.Get(GraphMetadata.Ids) != VocabularyNodes.KeyIds)
            {
                throw new InvalidDataException(
                    $"'{name}' must take key values, but takes raw ids ({_graph.Get(GraphMetadata.Ids)}). Export it with the vocabulary beside it.");
            }
        }
        catch
        {
            _graph.Dispose();
            throw;
        }

        _cache = new PatchCache(options.MaximumNumberOfPatches);
        _source = options.PatchSource;
        _zeros = new float[PatchSize];
    }

    /// <summary>Gets the fingerprint of the model and its basis.</summary>
    public string Fingerprint => _graph.Fingerprint;

    /// <summary>Gets the network's shape.</summary>
    public BackboneArchitecture Architecture => _graph.Architecture;

    /// <summary>Gets <c>d</c>, the length of a patch; 0 if the model has no basis, so that nobody can have a patch.</summary>
    public int PatchSize { get; }

    /// <summary>Gets the hash of the vocabulary that belongs to the model.</summary>
    public string VocabularyHash => _graph.Get(GraphMetadata.Vocabulary);

    /// <summary>Gets the number of people of whom something is in memory.</summary>
    public int NumberOfCachedPatches => _cache.Count;

    /// <summary>Gets the graph, for what else is done with it on a device.</summary>
    internal ExportedGraph Graph => _graph;

    /// <summary>Takes a person's patch into memory, in place of an earlier one.</summary>
    /// <param name="user">The person.</param>
    /// <param name="adapter">The bytes of the patch's file; anything.</param>
    /// <returns>Why the patch is refused; the person is then served by the cloud model.</returns>
    public PatchRefusal Load(string user, ReadOnlySpan<byte> adapter)
    {
        ArgumentNullException.ThrowIfNull(user);
        PatchCache.Entry entry = Read(user, adapter);
        _cache.Put(user, entry);
        return entry.Refusal;
    }

    /// <summary>Takes a person's patch into memory, in place of an earlier one.</summary>
    /// <param name="user">The person.</param>
    /// <param name="patch">The patch.</param>
    /// <returns>Why the patch is refused; the person is then served by the cloud model.</returns>
    public PatchRefusal Load(string user, UserPatch patch)
    {
        ArgumentNullException.ThrowIfNull(user);
        ArgumentNullException.ThrowIfNull(patch);
        PatchCache.Entry entry = Check(user, patch);
        _cache.Put(user, entry);
        return entry.Refusal;
    }

    /// <summary>Forgets what is in memory of a person; the next score asks <see cref="PatchedSessionOptions.PatchSource"/> again.</summary>
    /// <param name="user">The person.</param>
    /// <returns>Whether there was something.</returns>
    public bool Unload(string user)
    {
        ArgumentNullException.ThrowIfNull(user);
        return _cache.Remove(user);
    }

    /// <summary>Scores candidates for a person.</summary>
    /// <param name="user">The person; null for the cloud model.</param>
    /// <param name="items">The candidates' key values; 0 has the score NaN.</param>
    /// <param name="history">The key values of the person's items, the most recent first; more than the model looks at are left out.</param>
    /// <param name="profile">The person's profile; empty if the model has no profile input.</param>
    /// <returns>The scores, by the person's patch or, if that is refused, by the cloud model.</returns>
    /// <exception cref="ArgumentException">An item is not one of the model's, or the profile does not fit.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public PatchedScores Score(string? user, ReadOnlySpan<long> items, ReadOnlySpan<long> history, ReadOnlySpan<float> profile = default)
    {
        PatchCache.Entry entry = user is null ? new PatchCache.Entry(null, PatchRefusal.None, null) : Find(user);
        return Score(entry, user, items, history, profile);
    }

    /// <summary>Closes the session, after the run that is under way; a call of several runs, of many candidates, may throw in between.</summary>
    public void Dispose() => _graph.Dispose();

    /// <summary>Scores candidates with a patch that fits the model, or with none.</summary>
    /// <param name="entry">The patch.</param>
    /// <param name="user">The person; null for the one that the device belongs to.</param>
    /// <param name="items">The candidates' key values.</param>
    /// <param name="history">The key values of the person's items, the most recent first.</param>
    /// <param name="profile">The profile.</param>
    internal PatchedScores Score(
        PatchCache.Entry entry, string? user, ReadOnlySpan<long> items, ReadOnlySpan<long> history, ReadOnlySpan<float> profile)
    {
        float[] scores = ScoreWith(entry.Theta ?? _zeros, items, history, profile);
        if (entry.Theta is null || AreFinite(items, scores))
        {
            return new PatchedScores(scores, entry.Theta is not null, entry.Refusal, entry.Message);
        }

        scores = ScoreWith(_zeros, items, history, profile);
        string owner = user is null ? "the owner" : $"'{user}'";
        return new PatchedScores(
            scores, false, PatchRefusal.NotFinite, $"The patch of {owner} must give finite scores, but its numbers are too large. Learn it again on this model.");
    }

    /// <summary>Scores candidates with a patch that has been checked.</summary>
    internal float[] ScoreWith(float[] theta, ReadOnlySpan<long> items, ReadOnlySpan<long> history, ReadOnlySpan<float> profile)
    {
        long[] recent = history.IsEmpty ? [0] : history[..Math.Min(history.Length, Architecture.HistoryLength)].ToArray();
        CheckItems(nameof(items), items);
        CheckItems(nameof(history), recent);
        if (profile.Length != Architecture.ProfileDimension || profile.ContainsAny(float.NaN, float.PositiveInfinity, float.NegativeInfinity))
        {
            throw new ArgumentException(
                $"The profile must have the model's {Architecture.ProfileDimension} finite values, but has {profile.Length}.", nameof(profile));
        }

        float[] scores = new float[items.Length];
        float[] ownProfile = profile.ToArray();
        for (int start = 0; start < items.Length; start += CandidatesPerRun)
        {
            long[] part = items[start..Math.Min(start + CandidatesPerRun, items.Length)].ToArray();
            ScorePart(theta, part, recent, ownProfile).CopyTo(scores, start);
        }

        return scores;
    }

    /// <summary>Checks key values.</summary>
    internal void CheckItems(string name, ReadOnlySpan<long> items)
    {
        foreach (long item in items)
        {
            if ((ulong)item > (ulong)Architecture.NumberOfItems)
            {
                throw new ArgumentException($"{name} must hold item key values from 0 to {Architecture.NumberOfItems}, but one is {item}.", name);
            }
        }
    }

    private static bool AreFinite(ReadOnlySpan<long> items, float[] scores)
    {
        for (int i = 0; i < scores.Length; i++)
        {
            if (items[i] != 0 && !float.IsFinite(scores[i]))
            {
                return false;
            }
        }

        return true;
    }

    private float[] ScorePart(float[] theta, long[] items, long[] history, float[] profile)
    {
        float[] scores = new float[items.Length];
        List<(string, OrtValue)> inputs =
        [
            (ModelGraph.ItemInput, ExportedGraph.Wrap(items, 1, items.Length)),
            (ModelGraph.HistoryInput, ExportedGraph.Wrap(history, 1, history.Length)),
        ];
        if (profile.Length > 0)
        {
            inputs.Add((ModelGraph.ProfileInput, ExportedGraph.Wrap(profile, 1, profile.Length)));
        }

        if (PatchSize > 0)
        {
            inputs.Add((ModelGraph.PatchInput, ExportedGraph.Wrap(theta, 1, PatchSize)));
        }

        _graph.Run(inputs, [(ModelGraph.ScoreOutput, scores, [1, items.Length])]);
        return scores;
    }

    // Only what there is takes a place in memory: anybody can ask for people who do not exist.
    private PatchCache.Entry Find(string user)
    {
        if (_cache.Find(user, out long moment) is PatchCache.Entry known)
        {
            return known;
        }

        byte[]? adapter;
        try
        {
            adapter = _source?.Invoke(user);
        }
        catch (Exception fault) // whatever ails the source, the person is served
        {
            return new PatchCache.Entry(
                null, PatchRefusal.SourceFailed, $"The patch of '{user}' must be found by PatchSource, but {fault.GetType().Name}: {fault.Message} Try again.");
        }

        return adapter is null
            ? new PatchCache.Entry(null, PatchRefusal.NotFound, $"There is no patch of '{user}': load one, or learn it.")
            : _cache.TryAdd(user, Read(user, adapter), moment);
    }

    private PatchCache.Entry Read(string user, ReadOnlySpan<byte> adapter)
    {
        PatchRefusal refusal = AdapterFile.TryRead(adapter, user, out UserPatch? patch, out string? message);
        return patch is null ? new PatchCache.Entry(null, refusal, message) : Check(user, patch);
    }

    private PatchCache.Entry Check(string user, UserPatch patch)
    {
        PatchRefusal refusal = patch.Check(Fingerprint, PatchSize, user, out string? message);
        return new PatchCache.Entry(refusal == PatchRefusal.None ? patch.Values.ToArray() : null, refusal, message);
    }

    /// <summary>Checks that the patch input is as the metadata say.</summary>
    private int CheckPatchInput(string name)
    {
        string kind = _graph.Get(GraphMetadata.Patch);
        int size = _graph.Patch?.PatchSize ?? 0;
        bool hasInput = _graph.FindInput(ModelGraph.PatchInput) is NodeMetadata input && input.Dimensions.Length == 2 && input.Dimensions[1] == size;
        return kind switch
        {
            GraphMetadata.NoPatch when size == 0 => 0,
            GraphMetadata.RequiredPatch or GraphMetadata.OptionalPatch when size > 0 && hasInput => size,
            GraphMetadata.BakedPatch => throw new InvalidDataException(
                $"'{name}' must take patches, but has its owner's inside. Run it as it is, or export the model without OnnxExportOptions.Patch."),
            _ => throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture, $"'{name}' must have a patch input of length {size} ('{kind}'), but has another. Export it again.")),
        };
    }
}
