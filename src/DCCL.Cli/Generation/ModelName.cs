using System.Text.RegularExpressions;

namespace DCCL.Cli.Generation;

/// <summary>Which names a model can have: its name is that of a class, and of files.</summary>
internal static partial class ModelName
{
    private const int MaximumLength = 100;
    private const string Suffix = "Model";

    // Contextual ones among them: some are errors as a class's name, the others warnings or a riddle.
    private static readonly HashSet<string> _keywords =
    [
        .. """
        abstract as base bool break byte case catch char checked class const continue decimal default delegate do double else enum event explicit extern
        false finally fixed float for foreach goto if implicit in int interface internal is lock long namespace new null object operator out override
        params private protected public readonly ref return sbyte sealed short sizeof stackalloc static string struct switch this throw true try typeof
        uint ulong unchecked unsafe ushort using virtual void volatile while
        add alias allows and args ascending async await by descending dynamic equals extension field file from get global group init into join let
        managed nameof nint not notnull nuint on or orderby partial record remove required scoped select set unmanaged value var when where with yield
        """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries),
    ];

    // The model's class would hide them, or be hidden: namespaces of the packages, its own members, types that it and the programs around it use, what
    // these programs declare for all their lines, and the members of every object.
    private static readonly HashSet<string> _taken =
    [
        .. """
        DCCL FxResources Google ICSharpCode Microsoft Newtonsoft Pb SkiaSharp System Tensorboard TorchSharp
        Columns CreateEngines Describe Evaluate LoadLog Model ModelInput ModelOutput ModelPath Personalize Predict PredictTopN Recommender RecordAll Take
        Train TrainPatches _engine _lock _model _recommender
        AppContext CancellationToken Console CultureInfo DateTime DeviceFiles DevicePersonalizer DinTrainer Directory File FormattableString IDataView
        ITransformer InteractionColumns InteractionSplit Lock MLContext Path PeriodSplit PersonalizationResult PersonalizationStatus Program RankingReport
        RecommendedItem SasRecTrainer StringComparison TextLoader TrainingRunOptions UserPatch
        After _ args before count epochs events had items log ml model number output own periods report result
        Equals Finalize GetHashCode GetType MemberwiseClone ReferenceEquals ToString
        """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries),
    ];

    // Older systems keep these with any extension.
    private static readonly HashSet<string> _devices = new(
        ["con", "prn", "aux", "nul", .. Enumerable.Range(1, 9).SelectMany(i => new[] { $"com{i}", $"lpt{i}" })], StringComparer.OrdinalIgnoreCase);

    /// <summary>Makes a name of a file's.</summary>
    public static string Make(string path)
    {
        string[] words = Words().Split(Path.GetFileNameWithoutExtension(path));
        string name = string.Concat(words.Where(word => word.Length > 0).Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
        name = (name.Length == 0 || char.IsDigit(name[0]) ? "Log" : "") + name;
        return name[..Math.Min(name.Length, MaximumLength - Suffix.Length)] + Suffix;
    }

    /// <summary>Refuses a name with which the generated projects would not compile, or their files not be on Windows, whatever the system here.</summary>
    public static void Check(string name)
    {
        string? fault = !Identifier().IsMatch(name) ? ""
            : _keywords.Contains(name) ? ", a keyword of C#"
            : _taken.Contains(name) ? ", which the generated code needs for something else"
            : _devices.Contains(name) ? ", which Windows keeps for a device"
            : null;
        if (fault is not null)
        {
            throw ToolException.BadInput($"The --name must be a C# name of letters and digits, such as MovieModel, but is '{name}'{fault}. Choose another one.");
        }
    }

    [GeneratedRegex("[^A-Za-z0-9]+")]
    private static partial Regex Words();

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]{0,99}\\z")]
    private static partial Regex Identifier();
}
