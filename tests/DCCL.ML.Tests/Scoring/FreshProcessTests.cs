using System.Diagnostics;
using System.Globalization;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Scoring;

/// <summary>A saved model in another process, which loads it before anything of DCCL has run.</summary>
public sealed class FreshProcessTests
{
    [Test]
    public void Load_InAProcessThatMentionsNothingOfDccl_ScoresBitForBit()
    {
        MLContext ml = new(seed: 1);
        using DeviceCloudPredictionTransformer model = SmallModel.Create(servesColdStart: true);
        IdPair[] pairs =
        [
            .. from user in model.UserIds!.Append("somebody")
               from item in model.ItemIds!.Append("something")
               select new IdPair { UserId = user, ItemId = item },
        ];
        IDataView data = ml.Data.LoadFromEnumerable(pairs);
        TransformerChain<ITransformer> chain = IdPair.CreateChain(ml, model);
        string folder = TestContext.CurrentContext.WorkDirectory;
        string path = Path.Combine(folder, "fresh.zip");
        ml.Model.Save(chain, data.Schema, path);
        File.WriteAllLines(Path.Combine(folder, "fresh.csv"), pairs.Select(pair => $"{pair.UserId},{pair.ItemId}"));

        string[] lines = Run(path, Path.Combine(folder, "fresh.csv"));

        Assert.That(lines[0], Is.EqualTo("ValueToKeyMappingTransformer ValueToKeyMappingTransformer DeviceCloudPredictionTransformer ColumnCopyingTransformer"));
        Assert.That(
            lines[1..],
            Is.EqualTo(chain.Transform(data).GetColumn<float>("Score").Select(
                score => BitConverter.SingleToInt32Bits(score).ToString("x8", CultureInfo.InvariantCulture))));
    }

    private static string[] Run(params string[] arguments)
    {
        string probe = Path.Combine(TestContext.CurrentContext.TestDirectory, "DCCL.LoadProbe.dll");
        ProcessStartInfo start = new(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", ["exec", probe, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, errors.Result);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }
}
