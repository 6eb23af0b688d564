using System.Text.Json;
using DCCL.ML.Data;

namespace DCCL.Benchmarks.Evidence.Outcomes;

/// <summary>The outcomes of a run on disk, one file each, so that an interrupted run goes on where it was.</summary>
internal sealed class OutcomeStore
{
    private static readonly JsonSerializerOptions _compact = new(EvidenceOptions.Json) { WriteIndented = false };

    private readonly string _folder;
    private readonly string _run;

    /// <param name="folder">The report's folder.</param>
    /// <param name="run">What identifies the run: outcomes of others are not taken for its own.</param>
    public OutcomeStore(string folder, string run)
    {
        _run = run;
        _folder = Path.Combine(folder, "results", run);
        Directory.CreateDirectory(_folder);
    }

    /// <summary>Gets what identifies the run.</summary>
    public string Run => _run;

    /// <summary>Gets the folder in which the models of a fold and a seed are kept.</summary>
    public string GetModelFolder(int fold, int seed) => Path.Combine(_folder, "models", $"{fold}-{seed}");

    /// <summary>Gets an outcome, or null if it is not there or cannot be read.</summary>
    public MethodOutcome? Find(string method, int fold, int seed)
    {
        string path = GetPath(method, fold, seed);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            MethodOutcome? outcome = JsonSerializer.Deserialize<MethodOutcome>(File.ReadAllBytes(path), EvidenceOptions.Json);
            return outcome?.Run == _run && outcome.Method == method && outcome.Fold == fold && outcome.Seed == seed ? outcome : null;
        }
        catch (JsonException)
        {
            // Not one of ours, or damaged since: computed again.
            return null;
        }
    }

    /// <summary>Stores an outcome: written aside, then renamed.</summary>
    public void Add(MethodOutcome outcome) => AtomicFile.Write(
        GetPath(outcome.Method, outcome.Fold, outcome.Seed),
        JsonSerializer.SerializeToUtf8Bytes(outcome, _compact));

    private string GetPath(string method, int fold, int seed) => Path.Combine(_folder, $"{method}.{fold}.{seed}.json");
}
