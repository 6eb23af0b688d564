using DCCL.ML.Data;
using DCCL.ML.Export;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using NUnit.Framework;

namespace DCCL.ML.Tests.Export;

/// <summary>The reference that exports are compared with, against the equations as the papers write them; the torch module is held to the same.</summary>
public sealed class ReferenceModelTests
{
    // Sums of some hundred products of order 1 in double precision.
    private const double Tolerance = 1e-10;

    [Test]
    public void Logit_RandomArchitectures_IsThatOfTheTextbook(
        [Range(1, 40)] int seed, [Values("din", "sasrec")] string backbone)
    {
        SeededRandom random = new(seed);
        BackboneArchitecture architecture = RandomModel.CreateArchitecture(random, backbone);
        PatchArchitecture? patch = random.Next(4) == 0 ? null : RandomModel.CreatePatch(random, architecture);
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, patch);
        ReferenceModel reference = new(parameters);
        ScoringBatch batch = RandomModel.CreateBatch(random, parameters, 4, 3, architecture.HistoryLength, patch is null ? 0 : 4);
        double[] expected = ExportedModel.Expected(batch, parameters, random);
        int profile = architecture.ProfileDimension;
        int size = patch?.PatchSize ?? 0;
        for (int i = 0; i < expected.Length; i++)
        {
            int group = i / 3;
            (double[] activation, double offset) = reference.Encode(
                batch.Items[i],
                batch.History.AsSpan(group * batch.HistoryLength, batch.HistoryLength),
                batch.Profiles.AsSpan(group * profile, profile));
            (double logit, double magnitude) = reference.Decode(activation, offset, batch.Patches.AsSpan(group * size, size));

            Assert.That(logit, Is.EqualTo(expected[i]).Within(Tolerance), $"{architecture} {patch}");
            Assert.That(magnitude, Is.GreaterThanOrEqualTo(Math.Abs(logit) - Tolerance));
        }
    }
}
