using System.Text;
using DCCL.ML.Data;
using DCCL.ML.Recommendation;
using DCCL.ML.Scoring;
using DCCL.ML.Tests.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Recommendation;

/// <summary>Whatever happens to a saved top-N transformer, it loads as it was or is refused.</summary>
public sealed class TopItemsCorruptionTests
{
    private const int NumberOfCases = 2000;

    private static readonly TopItemsEstimator.Options _options =
        new() { NumberOfItems = 3, ExcludesSeen = false, UserColumnName = "Who", ItemsColumnName = "Items", ScoresColumnName = "Scores" };

    private readonly byte[] _part = ToBytes(_options);

    [Test]
    public void Read_OptionsDamagedAtRandom_RefusesThemAlways()
    {
        SeededRandom random = new(1);
        for (int i = 0; i < NumberOfCases; i++)
        {
            byte[] damaged = Corruption.Apply(random, _part);
            if (!damaged.AsSpan().SequenceEqual(_part))
            {
                Corruption.Guard(
                    $"case {i}", () => Assert.That(() => Read(damaged), Throws.TypeOf<InvalidDataException>(), $"case {i}"));
            }
        }
    }

    [Test]
    public void Read_OptionsDamagedAtRandomWithADigestThatFits_RefusesThemOrReadsThemAsTheyStand()
    {
        SeededRandom random = new(2);
        int read = 0;
        for (int i = 0; i < NumberOfCases; i++)
        {
            byte[] damaged = Corruption.WithDigest(Corruption.Apply(random, _part[..^32]));
            Corruption.Guard($"case {i}", () =>
            {
                try
                {
                    TopItemsEstimator.Options options = Read(damaged);
                    Assert.That(options.NumberOfItems, Is.InRange(1, 65_536), $"case {i}");
                    read++;
                }
                catch (InvalidDataException)
                {
                    // refused
                }
            });
        }

        Assert.That(read, Is.InRange(1, NumberOfCases - 1), "both happen");
    }

    [TestCase("null", "The options must be an object, but are null.")]
    [TestCase("[]", "could not be converted")]
    [TestCase("", "does not contain any JSON tokens")]
    [TestCase("{\"NumberOfItems\":2147483647}", "NumberOfItems must be from 1 to 65536, but is 2147483647.")]
    [TestCase("{\"NumberOfItems\":0}", "NumberOfItems must be from 1 to 65536, but is 0.")]
    [TestCase("{\"ItemsColumnName\":null}", "ItemsColumnName must be the name of a column, but is empty.")]
    [TestCase("{\"UserColumnName\":\"\"}", "UserColumnName must be the name of a column, but is empty.")]
    [TestCase("\u00ff", "The options of the model cannot be read", TestName = "Read_TextThatIsNoUtf8_IsRefused")]
    public void Read_OptionsThatCannotBe_SaysWhy(string text, string message)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(text);
        byte[] forged = Corruption.WithDigest([.. BitConverter.GetBytes(bytes.Length), .. bytes]);

        Assert.That(() => Read(forged), Throws.TypeOf<InvalidDataException>().With.Message.Contains(message));
    }

    [Test]
    public void Load_ZipDamagedAtRandom_RefusesItOrGivesTheSameItems()
    {
        MLContext ml = new(seed: 1);
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        IDataView data = ml.Data.LoadFromEnumerable(model.UserIds!.Select(user => new UserRow { Who = user }).ToArray());
        using TopItemsTransformer transformer = ml.DeviceCloud().Transforms.TopItems(model, _options).Fit(data);
        using MemoryStream zip = new();
        ml.Model.Save(transformer, data.Schema, zip);
        float[][] expected = [.. transformer.Transform(data).GetColumn<float[]>("Scores")];
        SeededRandom random = new(3);
        int refused = 0;
        for (int i = 0; i < NumberOfCases / 4; i++)
        {
            byte[] damaged = Corruption.Apply(random, zip.ToArray());
            Corruption.Guard($"case {i}", () =>
            {
                ITransformer loaded;
                try
                {
                    loaded = new MLContext(seed: 1).Model.Load(new MemoryStream(damaged), out _);
                }
                catch (Exception fault) when (fault is not (OutOfMemoryException or NullReferenceException))
                {
                    refused++;
                    return;
                }

                using IDisposable? owned = loaded as IDisposable;
                Assert.That(loaded.Transform(data).GetColumn<float[]>("Scores"), Is.EqualTo(expected), $"case {i}");
            });
        }

        Assert.That(refused, Is.InRange(NumberOfCases / 8, NumberOfCases / 4));
    }

    private static TopItemsEstimator.Options Read(byte[] bytes) => TopItemsOptionsFile.Read(new MemoryStream(bytes));

    private static byte[] ToBytes(TopItemsEstimator.Options options)
    {
        using MemoryStream stream = new();
        TopItemsOptionsFile.Write(stream, options);
        return stream.ToArray();
    }

    private sealed class UserRow
    {
        public string Who { get; set; } = "";
    }
}
