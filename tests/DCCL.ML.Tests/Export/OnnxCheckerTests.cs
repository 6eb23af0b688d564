using System.Diagnostics;
using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Export;
using DCCL.ML.Model;
using DCCL.TestKit;
using NUnit.Framework;

namespace DCCL.ML.Tests.Export;

/// <summary>ONNX's own checker, where Python has it (Debian: python3-onnx).</summary>
public sealed class OnnxCheckerTests
{
    private const string Script = """
        import sys, onnx
        for path in sys.argv[1:]:
            model = onnx.load(path)
            onnx.checker.check_model(model, full_check=True)
            opsets = {entry.domain: entry.version for entry in model.opset_import}
            print(model.ir_version, opsets[""])
        """;

    private static readonly string? _python = ((string[])["/usr/bin/python3", "python3"]).FirstOrDefault(python => Run(python, ["-c", "import onnx"]) is not null);

    [Test]
    public void Exports_OfEveryKind_PassOnnxsOwnChecker()
    {
        if (_python is null)
        {
            Assert.Ignore("Python has no module onnx here: install python3-onnx.");
        }

        SeededRandom random = new(1);
        DinArchitecture architecture = new() { NumberOfItems = 20, HistoryLength = 6, ProfileDimension = 2 };
        PatchEncoderArchitecture encoder = new() { ServesColdStart = true };
        DeviceCloudModelParameters parameters =
            RandomModel.Create(random, architecture, new PatchArchitecture { PatchSize = 4, Layers = [0, 1] }, encoder);
        UserPatch patch = new(parameters.Fingerprint, [1, 2, 3, 4]);
        OnnxExportOptions[] kinds =
        [
            new(),
            new() { RequiresPatch = true },
            new() { Patch = patch },
            new() { UsesHalfPrecision = true },
            new() { Vocabulary = VocabularyPlacement.InsideGraph },
            new() { Vocabulary = VocabularyPlacement.InsideGraph, RequiresPatch = true },
        ];
        string[]?[] ids = [null, null, null, null, [.. Enumerable.Range(1, 20).Select(n => $"i{n}")], [.. Enumerable.Range(1, 20).Select(n => $"{7 * n}")]];
        string folder = Directory.CreateTempSubdirectory("dccl-checker-").FullName;
        string[] files = [.. kinds.Select((_, i) => Path.Combine(folder, $"{i}.onnx"))];
        for (int i = 0; i < kinds.Length; i++)
        {
            ExportedModel.CreateTransformer(parameters, ids[i]).ExportToOnnx(files[i], kinds[i]);
        }

        DeviceCloudModelParameters dice = RandomModel.Create(
            random,
            architecture with { ProfileDimension = 0, Activation = DinActivation.Dice },
            new PatchArchitecture { PatchSize = 4, Layers = [1] },
            encoder);
        DeviceCloudModelParameters sasRec = RandomModel.Create(
            random,
            new SasRecArchitecture { NumberOfItems = 20, HistoryLength = 6, EmbeddingDimension = 8, FeedForwardSize = 8 },
            new PatchArchitecture { PatchSize = 4, Layers = [0] },
            encoder);
        string[] further = ["step", "cold", "dice-step", "dice-cold", "sasrec", "sasrec-required", "sasrec-half", "sasrec-step", "sasrec-cold"];
        string[] others = [.. further.Select(name => Path.Combine(folder, $"{name}.onnx"))];
        ExportedModel.CreateTransformer(parameters).ExportTrainingStep(others[0]);
        ExportedModel.CreateTransformer(parameters).ExportColdStart(others[1]);
        ExportedModel.CreateTransformer(dice).ExportTrainingStep(others[2]);
        ExportedModel.CreateTransformer(dice).ExportColdStart(others[3], VocabularyPlacement.InsideGraph);
        ExportedModel.CreateTransformer(sasRec).ExportToOnnx(others[4]);
        ExportedModel.CreateTransformer(sasRec).ExportToOnnx(others[5], new OnnxExportOptions { RequiresPatch = true });
        ExportedModel.CreateTransformer(sasRec).ExportToOnnx(others[6], new OnnxExportOptions { UsesHalfPrecision = true });
        ExportedModel.CreateTransformer(sasRec).ExportTrainingStep(others[7]);
        ExportedModel.CreateTransformer(sasRec).ExportColdStart(others[8]);
        files = [.. files, .. others];

        string? output = Run(_python, ["-c", Script, .. files]);

        Assert.That(output?.Trim().ReplaceLineEndings("\n"), Is.EqualTo(string.Join('\n', files.Select(_ => "8 17"))));
        Directory.Delete(folder, recursive: true);
    }

    private static string? Run(string program, IReadOnlyList<string> arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            TestContext.Out.WriteLine(error.Result);
            return process.ExitCode == 0 ? output : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // no such program
        }
    }
}
