using System.Text.Json;
using System.Text.Json.Serialization;

namespace DCCL.Benchmarks.Evidence;

/// <summary>What a run of the evidence is asked for: with the log, all that its figures depend on.</summary>
internal sealed record EvidenceOptions
{
    public const string Periods = "periods";
    public const string LeaveLastOut = "leave-last-out";
    public const string SupportQuery = "support-query";
    public const string Din = "din";
    public const string SasRec = "sasrec";

    public static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        WriteIndented = true,
    };

    /// <summary>Gets the path of the log; null for the built-in data.</summary>
    public string? DataFile { get; init; }

    public string? UserFile { get; init; }

    /// <summary>Gets the smallest positive rating; null if every event is positive and negatives are sampled.</summary>
    public double? PositiveRating { get; init; }

    /// <summary>Gets the standard deviation of what a person's own liking adds to a logit of the built-in data; null for their default.</summary>
    public double? PlantedStrength { get; init; }

    /// <summary>Gets the number of times that everything is trained; the seeds are 1, 2, ...</summary>
    public int NumberOfSeeds { get; init; } = 5;

    public string Backbone { get; init; } = Din;

    public string Protocol { get; init; } = Periods;

    /// <summary>Gets the number of folds of users of whom the cloud model knows nothing; for support and query only.</summary>
    public int NumberOfFolds { get; init; } = 5;

    /// <summary>Gets a value indicating whether few users, few epochs and few candidates are to do: a try, not evidence.</summary>
    public bool IsQuick { get; init; }

    /// <summary>Gets the names of the methods to compare; empty for all.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    /// <summary>Gets the number of threads, on which the last bits of a training depend.</summary>
    public int NumberOfThreads { get; init; } = Environment.ProcessorCount;

    /// <summary>Gets how many users are fine-tuned one by one at most; the methods that do it are compared on these alone.</summary>
    public int MaximumNumberOfTunedUsers { get; init; } = 2000;

    /// <summary>Gets a value indicating whether what was planted is known, and is the same for all of the test.</summary>
    [JsonIgnore]
    public bool KnowsTruth => DataFile is null && Protocol == Periods;

    /// <summary>Finds faults before the long work begins.</summary>
    public void Validate()
    {
        if (UserFile is not null && DataFile is null)
        {
            throw new InvalidDataException("--users needs --data: the built-in data have profiles of their own.");
        }

        if (PlantedStrength is double strength && !(DataFile is null && strength >= 0 && double.IsFinite(strength)))
        {
            throw new InvalidDataException(DataFile is not null
                ? "--planted is for the built-in data, but --data names a log. Leave one of them out."
                : FormattableString.Invariant($"--planted must be finite and at least 0, but is {strength}."));
        }

        AtLeastOne("--seeds", NumberOfSeeds);
        AtLeastOne("--threads", NumberOfThreads);
        AtLeastOne("--tuned-users", MaximumNumberOfTunedUsers);
        if (NumberOfFolds < 2)
        {
            throw new InvalidDataException($"--folds must be at least 2, but is {NumberOfFolds}.");
        }

        string? unknown = Only.FirstOrDefault(name => !MethodCatalog.All.Any(method => method.Name == name));
        if (unknown is not null)
        {
            throw new InvalidDataException(
                $"--only must name methods, but there is no '{unknown}'. They are {string.Join(", ", MethodCatalog.All.Select(method => method.Name))}.");
        }

        CheckBackbone(Backbone, Only);
        string? needsTruth = Only.FirstOrDefault(name => !KnowsTruth && MethodCatalog.All.Any(method => method.Name == name && method.NeedsTruth));
        if (needsTruth is not null)
        {
            throw new InvalidDataException(
                $"--only {needsTruth} needs the built-in data and --protocol {Periods}, of whose test the truth is known, but "
                + (DataFile is null ? $"--protocol is {Protocol}." : "--data names a log.") + " Leave one of them out.");
        }
    }

    private static void CheckBackbone(string backbone, IEnumerable<string> names)
    {
        string? needsDin = names.FirstOrDefault(name => backbone != Din && MethodCatalog.All.Any(method => method.Name == name && method.NeedsDin));
        if (needsDin is not null)
        {
            throw new InvalidDataException($"--only {needsDin} needs a DIN, but --backbone is {backbone}. Leave one of them out.");
        }
    }

    private static void AtLeastOne(string name, int value)
    {
        if (value < 1)
        {
            throw new InvalidDataException($"{name} must be at least 1, but is {value}.");
        }
    }
}
