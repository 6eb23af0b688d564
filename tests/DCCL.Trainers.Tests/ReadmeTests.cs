using System.Text.RegularExpressions;
using DCCL.TestKit;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using NUnit.Framework;

namespace DCCL.Trainers.Tests;

/// <summary>What the README shows compiles against the packages as they are.</summary>
public sealed partial class ReadmeTests
{
    // What the snippets take as given.
    private const string Surroundings = """
        using System;
        using System.Collections.Generic;
        using System.Data;
        using System.IO;
        using System.Threading;
        using System.Threading.Tasks;
        using DCCL.ML;
        using DCCL.ML.Data;
        using DCCL.ML.Device;
        using DCCL.ML.Evaluation;
        using DCCL.ML.Recommendation;
        using DCCL.ML.Scoring;
        using DCCL.Trainers;
        using Microsoft.AspNetCore.Builder;
        using Microsoft.AspNetCore.Http;
        using Microsoft.Data.Sqlite;
        using Microsoft.Extensions.DependencyInjection;
        using Microsoft.ML;
        using Microsoft.ML.Data;
        using Microsoft.ML.Transforms;

        internal sealed class Event { public int userId; public int movieId; public long timestamp; }
        internal sealed class Prediction { public float Score; }

        internal static class Snippet
        {
            private static MLContext ml = null!;
            private static IDataView log = null!, deviceLog = null!, newLog = null!, laterLog = null!, test = null!, users = null!;
            private static EstimatorChain<ValueToKeyMappingTransformer> keys = null!;
            private static ITransformer model = null!;
            private static WebApplicationBuilder builder = null!;
            private static WebApplication app = null!;
            private static string connection = null!, ownerFolder = null!;
            private static double time = 0;
            private static CancellationToken cancellationToken = default;
            private static Dictionary<string, UserPatch> uploads = null!;
            private static bool IsInStock(string itemId) => true;
            private static void Show(RecommendedItem item) { }

            private static async Task Run()
            {
                await Task.Yield();
                #line 1
                //SNIPPET
            }
        }
        """;

    private static readonly MetadataReference[] _references =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Concat(Directory.EnumerateFiles(FindAspNetCore(), "*.dll"))
            .DistinctBy(Path.GetFileName)
            .Select(path => MetadataReference.CreateFromFile(path)),
    ];

    public static IEnumerable<TestCaseData> Snippets
    {
        get
        {
            string text = File.ReadAllText(Path.Combine(RepositoryFolder.Path, "README.md"));
            foreach (Match block in CSharpBlock().Matches(text))
            {
                string heading = Heading().Matches(text[..block.Index])[^1].Groups["title"].Value;
                yield return new TestCaseData(block.Groups["code"].Value).SetArgDisplayNames($"{heading}, line {text[..block.Index].Count(c => c == '\n') + 2}");
            }
        }
    }

    [TestCaseSource(nameof(Snippets))]
    public void Snippet_OfTheReadme_Compiles(string code)
    {
        Assert.That(Compile(code), Is.Empty);
    }

    [TestCase("ml.DeviceCloud().Trainers.MetaPatch(model).Fit(log, log, log);", "CS1501")]
    [TestCase("ITransformer other = ml.DeviceCloud().Trainers.NoSuchTrainer();", "CS1061")]
    public void Compile_WhatIsNotThere_IsFound(string code, string error)
    {
        Assert.That(Compile(code), Has.Some.Contains(error));
    }

    private static string[] Compile(string code)
    {
        SyntaxTree tree = CSharpSyntaxTree.ParseText(Surroundings.Replace("//SNIPPET", code, StringComparison.Ordinal));
        CSharpCompilation compilation = CSharpCompilation.Create(
            "Snippet", [tree], _references, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        return [.. compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Select(diagnostic => $"{diagnostic}")];
    }

    // Beside the runtime's own folder: shared/Microsoft.NETCore.App/VERSION.
    private static string FindAspNetCore()
    {
        string shared = Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "Microsoft.AspNetCore.App");
        return Directory.EnumerateDirectories(shared, $"{Environment.Version.Major}.*").Order(StringComparer.Ordinal).Last();
    }

    [GeneratedRegex(@"^```csharp\n(?<code>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CSharpBlock();

    [GeneratedRegex("^#+ (?<title>.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();
}
