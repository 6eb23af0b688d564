using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using DCCL.ML.Data;
using TorchSharp;

namespace DCCL.Trainers.Checkpoints;

/// <summary>All that a training depends on, as names and values: only the same run may go on from a checkpoint.</summary>
/// <remarks>Not thread-safe while values are added.</remarks>
internal sealed class RunDescription
{
    private readonly Dictionary<string, string> _values = [];

    /// <summary>Describes a run of these libraries.</summary>
    /// <param name="trainer">The name of the trainer.</param>
    /// <param name="options">Its options; each of their properties counts, but not how the trainer runs.</param>
    public RunDescription(string trainer, object options)
    {
        Add("trainer", trainer);
        foreach (PropertyInfo property in options.GetType().GetProperties().Where(property => property.PropertyType != typeof(TrainingRunOptions)))
        {
            Add(property.Name, Format(property.GetValue(options)));
        }

        foreach (Assembly library in new[] { typeof(RunDescription).Assembly, typeof(InteractionLog).Assembly, typeof(torch).Assembly })
        {
            string? version = library.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
            Add(library.GetName().Name!, $"{version} build {library.ManifestModule.ModuleVersionId:N}");
        }
    }

    /// <summary>Adds a value.</summary>
    public RunDescription Add(string name, string value)
    {
        _values.Add(name, value.ReplaceLineEndings(" "));
        return this;
    }

    /// <summary>Adds a log: its events, in their order, and which of them are learnt.</summary>
    /// <param name="name">What the log is.</param>
    /// <param name="log">The log.</param>
    /// <param name="isTaught">Whether an event, of a user and an index, is learnt.</param>
    public RunDescription Add(string name, InteractionLog log, Func<int, int, bool> isTaught)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Convert.FromHexString(log.ComputeFingerprint()));
        for (int user = 1; user <= log.NumberOfUsers; user++)
        {
            bool[] taught = new bool[log.GetItems(user).Length];
            for (int index = 0; index < taught.Length; index++)
            {
                taught[index] = isTaught(user, index);
            }

            hash.AppendData(MemoryMarshal.AsBytes<bool>(taught));
        }

        return Add(name, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    /// <summary>Gets the text that a checkpoint keeps: of each value a line.</summary>
    public string ToText() => string.Join('\n', _values.Select(pair => $"{pair.Key}={pair.Value}"));

    /// <summary>Says in what a run differs from this one.</summary>
    /// <param name="text">The text of the other one.</param>
    /// <returns>A clause for each value; empty if they are the same.</returns>
    public IReadOnlyList<string> FindDifferences(string text)
    {
        Dictionary<string, string> others = Parse(text);
        return
        [
            .. _values.Keys.Union(others.Keys)
                .Select(name => (Name: name, Now: _values.GetValueOrDefault(name), Then: others.GetValueOrDefault(name)))
                .Where(value => value.Now != value.Then)
                .Select(value => Describe(value.Name, value.Then, value.Now)),
        ];
    }

    /// <summary>Reads the values out of the text that a checkpoint keeps.</summary>
    public static Dictionary<string, string> Parse(string text)
    {
        Dictionary<string, string> values = [];
        foreach (string line in text.Split('\n'))
        {
            int end = Math.Max(0, line.IndexOf('=', StringComparison.Ordinal));
            values[line[..end]] = line[Math.Min(end + 1, line.Length)..];
        }

        return values;
    }

    private static string Describe(string name, string? then, string? now) =>
        IsFingerprint(then) && IsFingerprint(now) ? $"the {name} is another one ({Show(then)} then, {Show(now)} now)"
        : name == nameof(DinTrainer.Options.Columns) ? $"the columns were {Show(then)}, but are {Show(now)}"
        : $"{name} was {Show(then)}, but is {Show(now)}";

    private static string Show(string? value) => value is null ? "not there" : IsFingerprint(value) ? value[..16] : value;

    // Of a log or a model.
    private static bool IsFingerprint(string? value) => value?.Length == 64 && value.All(char.IsAsciiHexDigitLower);

    private static string Format(object? value) => value switch
    {
        null => "",
        string text => text,
        InteractionColumns columns => Format(columns),
        IEnumerable values => string.Join(' ', values.Cast<object>().Select(Format)),
        IFormattable formattable => formattable.ToString(format: null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };

    private static string Format(InteractionColumns columns) => string.Join(", ", new (string Role, string? Name)[]
    {
        ("user", columns.UserColumnName),
        ("item", columns.ItemColumnName),
        ("time", columns.TimestampColumnName),
        ("label", columns.LabelColumnName),
        ("profile", columns.ProfileColumnName),
    }.Where(column => column.Name is not null).Select(column => $"{column.Role} '{column.Name}'"));
}
