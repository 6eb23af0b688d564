using System.Text.RegularExpressions;
using DCCL.Cli.Generation;
using DCCL.Cli.Logs;
using DCCL.Cli.Models;
using DCCL.Cli.Training;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>Of all words in the generated code, the compiler says which cannot be the name of the model; the tool refuses these and no others.</summary>
public sealed partial class GeneratedNamesTests
{
    private const string Placeholder = "Zzyzx";

    // What stands in no file, but in every project.
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    // What is in no file of a project, and is what it is: the namespaces of the packages, the class of a program, the members of every object.
    private static readonly string[] _surroundings =
    [
        "DCCL", "FxResources", "Google", "ICSharpCode", "Microsoft", "Newtonsoft", "Pb", "SkiaSharp", "System", "Tensorboard", "TorchSharp",
        "Program",
        "Equals", "Finalize", "GetHashCode", "GetType", "MemberwiseClone", "ReferenceEquals", "ToString",
    ];

    [Test]
    [Category("Slow")]
    public void Check_AWordOfTheGeneratedCode_IsRefusedIfItWouldNotCompile()
    {
        using TemporaryFolder folder = new();
        (string din, string sasRec) = (Generate(folder.Path, TrainingSettings.Din), Generate(folder.Path, TrainingSettings.SasRec));
        Program console = new(din, $"{Placeholder}.consumption.cs", "console/Program.cs");
        Program training = new(din, $"{Placeholder}.consumption.cs", $"{Placeholder}.training.cs", $"{Placeholder}.evaluate.cs", "training/Program.cs");
        Program trainingSasRec = new(sasRec, $"{Placeholder}.consumption.cs", $"{Placeholder}.training.cs", $"{Placeholder}.evaluate.cs", "training/Program.cs");
        (Program Program, string Word)[] cases =
        [
            .. console.Words.Union(_surroundings).Select(word => (console, word)),
            .. training.Words.Select(word => (training, word)),
            .. trainingSasRec.Words.Except(training.Words).Select(word => (trainingSasRec, word)),
        ];

        string[] breaking = [.. cases.AsParallel().Where(one => !one.Program.Compiles(one.Word)).Select(one => one.Word).Distinct()];

        Assert.That(new[] { console, training, trainingSasRec }.All(program => program.Compiles("Movies")), Is.True);
        Assert.That(cases.Select(one => one.Word).Distinct().Where(IsRefused), Is.EquivalentTo(breaking));
        Assert.That(breaking, Is.SupersetOf(_surroundings));
    }

    private static bool IsRefused(string name)
    {
        try
        {
            ModelName.Check(name);
            return false;
        }
        catch (ToolException)
        {
            return true;
        }
    }

    // The log has dates and ratings, so that nothing is left out.
    private static string Generate(string path, string backbone)
    {
        string log = Path.Combine(path, "log.csv");
        File.WriteAllLines(log, ["user,item,time,rating", .. Enumerable.Range(1, 28).Select(i => FormattableString.Invariant($"u{i % 7},i{i % 5},2024-01-{i:00},{i % 5}"))]);
        LogLayout layout = LayoutGuess.Guess(new LogOptions { Path = log, Columns = new Dictionary<ColumnRole, string> { [ColumnRole.Rating] = "rating" } });
        using OutputFolder folder = OutputFolder.Begin(Path.Combine(path, backbone), isForced: false);
        new CodeGenerator(Placeholder, layout, new TrainingSettings(backbone, Seed: 1, NumberOfThreads: 1, IsQuick: false), PackageFolder.Find(null)).Write(folder);
        folder.Complete();
        return folder.FinalPath;
    }

    /// <summary>A generated project, of a model that can still have any name.</summary>
    private sealed partial class Program(string folder, params string[] files)
    {
        private static readonly CSharpCompilation _empty = CSharpCompilation.Create(
            "Generated",
            [CSharpSyntaxTree.ParseText(ImplicitUsings)],
            ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));

        private readonly string[] _texts = Array.ConvertAll(files, file => File.ReadAllText(Path.Combine(folder, file)));

        /// <summary>Gets the words of the code that are no keywords.</summary>
        public IEnumerable<string> Words => _texts.SelectMany(text => Word().Matches(text)).Select(match => match.Value).Distinct()
            .Where(word => SyntaxFacts.GetKeywordKind(word) == SyntaxKind.None && SyntaxFacts.GetContextualKeywordKind(word) == SyntaxKind.None)
            .Where(word => word != "value" && !word.StartsWith(Placeholder, StringComparison.Ordinal));

        public bool Compiles(string name) => _empty
            .AddSyntaxTrees(_texts.Select(text => CSharpSyntaxTree.ParseText(text.Replace(Placeholder, name, StringComparison.Ordinal))))
            .GetDiagnostics()
            .All(diagnostic => diagnostic.Severity != DiagnosticSeverity.Error);

        [GeneratedRegex("[A-Za-z_]\\w*")]
        private static partial Regex Word();
    }
}
