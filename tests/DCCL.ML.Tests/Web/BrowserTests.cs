using System.Text.Json;
using DCCL.ML.Device;
using NUnit.Framework;

namespace DCCL.ML.Tests.Web;

/// <summary>The page of examples/OnDeviceWeb in a real browser, and what it gives to C#.</summary>
public sealed class BrowserTests
{
    // float32 in WebAssembly and in native code, over logits of about 5.
    private const double ScoreTolerance = 1e-5;

    private static readonly string[] _browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    [Test]
    public void Page_WhereAPersonPicksAndLearns_RanksTheRightWayAndGivesAPatchThatCSharpScoresTheSame()
    {
        WebExample.RequireNode();
        string? browser = _browsers.FirstOrDefault(File.Exists);
        if (browser is null)
        {
            Assert.Ignore("There is no Chromium here: install Debian's package chromium.");
        }

        string folder = Directory.CreateTempSubdirectory("dccl-browser-").FullName;
        try
        {
            string site = Path.Combine(folder, "site");
            (int status, string output) = WebExample.Run("dotnet", folder, [FindProgram(), "--output", site], [])!.Value;
            Assert.That(status, Is.Zero, output);
            string results = Directory.CreateDirectory(Path.Combine(folder, "results")).FullName;
            new UserPatch(new string('a', 64), new float[16]).Save(Path.Combine(results, "other.onnx_adapter"));

            WebExample.RunTests("page.test.js", ("DCCL_SITE", site), ("DCCL_RESULT", results), ("DCCL_CHROMIUM", browser));

            // The downloaded file as the owner's patch on a device that uses .NET, with the same picks.
            string owner = Directory.CreateDirectory(Path.Combine(folder, "owner")).FullName;
            string[] picks = Read<string[]>(results, "picks.json");
            File.Copy(Path.Combine(results, "patch.onnx_adapter"), Path.Combine(owner, DeviceFiles.Patch));
            using DevicePersonalizer device = new(Path.Combine(site, "model"), owner, new DevicePersonalizerOptions { Profile = new float[4] });
            Assert.That(device.Warnings, Is.Empty);
            for (int i = 0; i < picks.Length; i++)
            {
                device.Record(picks[i], i);
            }

            Assert.That(Read<float[]>(results, "scores.json"), Is.EqualTo(device.Score(device.Vocabulary.Items)).Within(ScoreTolerance));
            Assert.That(Read<string[]>(results, "top.json"), Is.EqualTo(device.Recommend(10).Select(item => item.ItemId)));

            // And as the cloud takes it in, with the example's own program.
            (status, output) = WebExample.Run("dotnet", folder, [FindProgram(), "--patch", Path.Combine(results, "patch.onnx_adapter")], [])!.Value;
            Assert.That(status, Is.Zero, output);
            Assert.That(output, Does.StartWith("Accepted: 16 numbers"));
            (status, output) = WebExample.Run("dotnet", folder, [FindProgram(), "--patch", Path.Combine(results, "other.onnx_adapter")], [])!.Value;
            Assert.That(status, Is.EqualTo(1));
            Assert.That(output, Does.Contain("was learnt on model aaaaaaaa"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Built before the tests, in the same configuration.
    private static string FindProgram()
    {
        string configuration = Path.GetFileName(Path.GetDirectoryName(TestContext.CurrentContext.TestDirectory.TrimEnd(Path.DirectorySeparatorChar))!);
        return Path.Combine(WebExample.Folder, "bin", configuration, "net10.0", "OnDeviceWeb.dll");
    }

    private static T Read<T>(string folder, string name) => JsonSerializer.Deserialize<T>(File.ReadAllText(Path.Combine(folder, name)))!;
}
