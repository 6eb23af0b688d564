using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using DCCL.ML.Data;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;
using static DCCL.ML.Tests.Scoring.SmallModel;

namespace DCCL.ML.Tests.Scoring;

/// <summary>Whatever happens to a model file, it loads as it was or is refused: no crash, no hang, no memory gone, no other model.</summary>
public sealed class ModelFileCorruptionTests
{
    private const string Part = "Model.dccl";
    private const int NumberOfCases = 2000;

    private readonly byte[] _part;
    private readonly byte[] _zip;

    public ModelFileCorruptionTests()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create(servesColdStart: true, profileDimension: 2);
        _part = ToBytes(model);
        _zip = ToZip(model);
    }

    /// <summary>The part as the digest protects it.</summary>
    [Test]
    public void Read_PartDamagedAtRandom_RefusesItAlways()
    {
        SeededRandom random = new(1);
        for (int i = 0; i < NumberOfCases; i++)
        {
            byte[] damaged = Corruption.Apply(random, _part);
            string what = $"case {i}";
            if (!damaged.AsSpan().SequenceEqual(_part))
            {
                Corruption.Guard(what, () => Assert.That(() => TransformerFile.Read(new MemoryStream(damaged)), Throws.TypeOf<InvalidDataException>(), what));
            }
        }
    }

    /// <summary>A digest that somebody made anew: it is not known any more what the model was, but nothing worse may happen.</summary>
    [Test]
    public void Read_PartDamagedAtRandomWithADigestThatFits_RefusesItOrReadsAModel()
    {
        SeededRandom random = new(2);
        int models = 0;
        for (int i = 0; i < NumberOfCases; i++)
        {
            byte[] damaged = Corruption.WithDigest(Corruption.Apply(random, _part[..^32]));
            Corruption.Guard($"case {i}", () =>
            {
                try
                {
                    using DeviceCloudPredictionTransformer model = TransformerFile.Read(new MemoryStream(damaged));
                    Assert.That(BehindArchitecture(ToBytes(model)), Is.EqualTo(BehindArchitecture(damaged)), $"case {i} is read as it stands");
                    models++;
                }
                catch (InvalidDataException)
                {
                    // refused
                }
            });
        }

        Assert.That(models, Is.InRange(1, NumberOfCases - 1), "both happen");
    }

    /// <summary>The zip, as mlContext.Model.Load opens it: ML.NET's own parts are in it, too, and are read first.</summary>
    [Test]
    public void Load_ZipDamagedAtRandom_RefusesItOrLoadsTheSameModel()
    {
        SeededRandom random = new(3);
        int refused = 0;
        for (int i = 0; i < NumberOfCases / 2; i++)
        {
            byte[] damaged = Corruption.Apply(random, _zip);
            Corruption.Guard($"case {i}", () =>
            {
                ITransformer loaded;
                try
                {
                    loaded = new MLContext(seed: 1).Model.Load(new MemoryStream(damaged), out _);
                }
                catch (Exception fault) when (fault is not OutOfMemoryException)
                {
                    refused++;
                    return;
                }

                using DeviceCloudPredictionTransformer model = loaded.DeviceCloudModel();
                Assert.That(ToBytes(model), Is.EqualTo(_part), $"case {i}");
            });
        }

        Assert.That(refused, Is.InRange(NumberOfCases / 4, NumberOfCases / 2));
    }

    /// <summary>The zip of a chain: ML.NET checks nothing of its own mapping of ids to keys, but the model knows which ids it was trained on.</summary>
    [Test]
    public void Load_ZipOfAChainDamagedAtRandom_IsRefusedOrScoresTheSame()
    {
        MLContext ml = new(seed: 1);
        using DeviceCloudPredictionTransformer model = SmallModel.Create(servesColdStart: true);
        TransformerChain<ITransformer> chain = IdPair.CreateChain(ml, model);
        IDataView data = ml.Data.LoadFromEnumerable(
            from user in model.UserIds! from item in model.ItemIds! select new IdPair { UserId = user, ItemId = item });
        float[] expected = [.. chain.Transform(data).GetColumn<float>("Score")];
        using MemoryStream zip = new();
        ml.Model.Save(chain, data.Schema, zip);
        SeededRandom random = new(4);
        int refused = 0;
        for (int i = 0; i < NumberOfCases / 4; i++)
        {
            byte[] damaged = Corruption.Apply(random, zip.ToArray());
            Corruption.Guard($"case {i}", () =>
            {
                float[] scores;
                try
                {
                    scores = [.. new MLContext(seed: 1).Model.Load(new MemoryStream(damaged), out _).Transform(data).GetColumn<float>("Score")];
                }
                catch (Exception fault) when (fault is not OutOfMemoryException)
                {
                    refused++;
                    return;
                }

                Assert.That(scores, Is.EqualTo(expected), $"case {i}");
            });
        }

        Assert.That(refused, Is.InRange(NumberOfCases / 8, NumberOfCases / 4));
    }

    [TestCase("\"numberOfItems\":6", "\"numberOfItems\":2147483647", "NumberOfItems must be from 1 to 2147483646, but is 2147483647.")]
    [TestCase("\"numberOfItems\":6", "\"numberOfItems\":2147483000", "Arithmetic operation resulted in an overflow.")]
    [TestCase("\"numberOfItems\":6", "\"numberOfItems\":500000000", "The model must go on after {0} bytes, but ends there.")]
    [TestCase("\"historyLength\":3", "\"historyLength\":0", "HistoryLength must be from 1 to 1048576, but is 0.")]
    [TestCase("\"embeddingDimension\":4", "\"embeddingDimension\":-4", "EmbeddingDimension must be from 1 to 1048576, but is -4.")]
    [TestCase("\"profileDimension\":2", "\"profileDimension\":-1", "ProfileDimension must be from 0 to 1048576, but is -1.")]
    [TestCase("\"activationUnitSize\":5", "\"activationUnitSize\":1e9", "could not be converted")]
    [TestCase("[6,4]", "null", "HiddenLayerSizes must name at least one layer, but are empty.")]
    [TestCase("[6,4]", "[]", "HiddenLayerSizes must name at least one layer, but are empty.")]
    [TestCase("[6,4]", "[6,0]", "HiddenLayerSizes must be from 1 to 1048576, but is 0.")]
    [TestCase("\"PRelu\"", "9", "Activation and AttentionWeights must have names.")]
    [TestCase("\"patchSize\":3", "\"patchSize\":2000000000", "PatchSize must be from 1 to 256, but is 2000000000.")]
    [TestCase("\"bottleneckSize\":2", "\"bottleneckSize\":1048576", "The model must go on after {0} bytes, but ends there.")]
    [TestCase("[0,1]", "[0,2]", "Layers must be from 1 to 1, but is 2.")]
    [TestCase("[0,1]", "[1,1]", "Layers must be from 2 to 1, but is 1.")]
    [TestCase("[0,1]", "null", "The patch's Layers must be a list, but are null.")]
    [TestCase("\"hiddenSize\":3", "\"hiddenSize\":-3", "HiddenSize must be from 1 to 1048576, but is -3.")]
    [TestCase("\"din\"", "\"sasRec\"", "could not be mapped")]
    [TestCase("\"din\":{", "\"din\":null,\"patch\":{", "")]
    public void Read_ArchitectureThatCannotBe_IsRefusedWithoutMakingRoomForIt(string written, string forged, string message)
    {
        int length = BinaryPrimitives.ReadInt32LittleEndian(_part.AsSpan(12));
        string text = Encoding.UTF8.GetString(_part, 16, length);
        Assert.That(text, Does.Contain(written));
        byte[] other = Encoding.UTF8.GetBytes(text.Replace(written, forged, StringComparison.Ordinal));
        byte[] head = [.. _part[..12], .. BitConverter.GetBytes(other.Length), .. other];
        byte[] damaged = Corruption.WithDigest([.. head, .. _part[(16 + length)..^32]]);
        Corruption.Guard(forged, () => Assert.That(
            () => TransformerFile.Read(new MemoryStream(damaged)),
            Throws.TypeOf<InvalidDataException>().With.Message.Contains(message.Replace("{0}", $"{damaged.Length}", StringComparison.Ordinal))));
    }

    [Test]
    public void Load_PartTakenOut_NamesIt() => CheckLoad(
        entries => entries.Remove(entries.Keys.Single(name => name.EndsWith(Part, StringComparison.Ordinal))),
        "The model part '.*' must hold 'Model.dccl', but does not. Save the model again: the file is damaged.");

    [Test]
    public void Load_PartCutOff_SaysWhere() => CheckLoad(
        entries => Replace(entries, bytes => bytes[..500]),
        "The model must go on after 500 bytes, but ends there. The file was cut off: copy it again or save the model again.");

    [Test]
    public void Load_PartAltered_NamesBothDigests() => CheckLoad(
        entries => Replace(entries, bytes => [.. bytes[..600], (byte)(bytes[600] ^ 1), .. bytes[601..]]),
        "The model must have the SHA-256 .*, but has .*. The file was altered: copy it again or save the model again.");

    [Test]
    public void Load_PartOfSomethingElse_SaysSo() => CheckLoad(
        entries => Replace(entries, _ => Encoding.UTF8.GetBytes("This is no model, but some other file.")),
        "The model must start with 'DCCLMODL', but does not. Load a file that mlContext.Model.Save wrote.");

    [Test]
    public void Load_PartOfANewerVersion_SaysWhatToUpdate() => CheckLoad(
        entries => Replace(entries, bytes => [.. bytes[..8], 2, .. bytes[9..]]),
        "The model must have a format version from 1 to 1, but has 2. Update the DCCL.ML package.");

    [Test]
    public void Load_HeaderOfANewerVersion_SaysWhatToUpdate() => CheckLoad(
        entries => ReplaceHeader(entries, bytes =>
        {
            // Where ML.NET's header has the version written and that of the oldest reader, behind the signature of the format.
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(0x48), 2);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(0x4C), 2);
        }),
        "The model part '.*' must be readable for version 1 of the format 'DCCLPRED', but asks for version 2. Update the package that provides it.");

    [Test]
    public void Load_HeaderOfAnotherFormat_SaysSo() => CheckLoad(
        entries => ReplaceHeader(entries, bytes => bytes[0x40] = (byte)'X'),
        "The model part '.*' must have the format 'DCCLPRED', but has 'XCCLPRED'. Load a file that mlContext.Model.Save wrote.");

    /// <summary>Loads the zip with other entries; what Create throws reaches the caller inside of ML.NET's exception.</summary>
    private void CheckLoad(Action<Dictionary<string, byte[]>> change, string message)
    {
        Dictionary<string, byte[]> entries = [];
        using (ZipArchive archive = new(new MemoryStream(_zip)))
        {
            foreach (ZipArchiveEntry entry in archive.Entries)
            {
                using MemoryStream bytes = new();
                using Stream stream = entry.Open();
                stream.CopyTo(bytes);
                entries.Add(entry.FullName, bytes.ToArray());
            }
        }

        change(entries);
        using MemoryStream zip = new();
        using (ZipArchive archive = new(zip, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] bytes) in entries)
            {
                using Stream stream = archive.CreateEntry(name).Open();
                stream.Write(bytes);
            }
        }

        zip.Position = 0;
        Exception fault = Assert.Catch(() => new MLContext(seed: 1).Model.Load(zip, out _));
        Assert.That(fault.GetBaseException(), Is.TypeOf<InvalidDataException>());
        Assert.That(fault.GetBaseException().Message, Does.Match($"^{message}$"));
    }

    private static void Replace(Dictionary<string, byte[]> entries, Func<byte[], byte[]> change)
    {
        string name = entries.Keys.Single(name => name.EndsWith(Part, StringComparison.Ordinal));
        entries[name] = change(entries[name]);
    }

    private static void ReplaceHeader(Dictionary<string, byte[]> entries, Action<byte[]> change)
    {
        string folder = Path.GetDirectoryName(entries.Keys.Single(name => name.EndsWith(Part, StringComparison.Ordinal)))!;
        change(entries.Single(entry => Path.GetDirectoryName(entry.Key) == folder && entry.Key.EndsWith("Model.key", StringComparison.Ordinal)).Value);
    }

    // Names in the text of the architecture may be written in more than one way.
    private static byte[] BehindArchitecture(byte[] part) => part[(16 + BinaryPrimitives.ReadInt32LittleEndian(part.AsSpan(12)))..^32];

    private static byte[] ToBytes(DeviceCloudPredictionTransformer model)
    {
        using MemoryStream stream = new();
        TransformerFile.Write(stream, model);
        return stream.ToArray();
    }

    private static byte[] ToZip(DeviceCloudPredictionTransformer model)
    {
        MLContext ml = new(seed: 1);
        using MemoryStream stream = new();
        ml.Model.Save(model, ml.Data.LoadFromEnumerable<PairWithProfile>([]).Schema, stream);
        return stream.ToArray();
    }
}
