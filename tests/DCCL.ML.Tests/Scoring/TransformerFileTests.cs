using DCCL.ML.Data;
using DCCL.ML.Scoring;
using Microsoft.ML;
using NUnit.Framework;
using static DCCL.ML.Tests.Scoring.SmallModel;

namespace DCCL.ML.Tests.Scoring;

public sealed class TransformerFileTests
{
    [TestCase(0)]
    [TestCase(2)]
    public void SaveAndLoad_ThroughMLNet_GivesTheSameScoresAndTheSameBytes(int profileDimension)
    {
        MLContext ml = new(seed: 1);
        using DeviceCloudPredictionTransformer model = Create(servesColdStart: true, profileDimension);
        IDataView data = ml.Data.LoadFromEnumerable(AllPairs());
        using MemoryStream zip = new();
        ml.Model.Save(model, data.Schema, zip);
        zip.Position = 0;

        ITransformer loaded = new MLContext(seed: 2).Model.Load(zip, out DataViewSchema schema);

        using DeviceCloudPredictionTransformer inner = loaded.DeviceCloudModel();
        Assert.That(schema.Select(column => column.Name), Is.EqualTo(new[] { "User", "Item" }));
        Assert.That(Scores(ml, loaded, data), Is.EqualTo(Scores(ml, model, data)));
        Assert.That(ToBytes(inner), Is.EqualTo(ToBytes(model)));
        Assert.That(inner.Parameters.Fingerprint, Is.EqualTo(model.Parameters.Fingerprint));
        Assert.That(inner.Columns, Is.EqualTo(model.Columns));
        Assert.That(inner.UserIds, Is.EqualTo(model.UserIds));
        Assert.That(inner.ItemIds, Is.EqualTo(model.ItemIds));
        Assert.That(inner.History.Cutoffs.ToArray(), Is.EqualTo(model.History.Cutoffs.ToArray()));
    }

    [Test]
    public void Write_ModelsMadeTwice_GivesTheSameBytes()
    {
        using DeviceCloudPredictionTransformer first = Create();
        using DeviceCloudPredictionTransformer second = Create();
        Assert.That(ToBytes(first), Is.EqualTo(ToBytes(second)));
    }

    [Test]
    public void Write_Header_IsAsTheFormatSays()
    {
        using DeviceCloudPredictionTransformer model = Create();
        byte[] bytes = ToBytes(model);
        Assert.That(bytes[..12], Is.EqualTo("DCCLMODL\u0001\0\0\0"u8.ToArray()));
        Assert.That(bytes[16..23], Is.EqualTo("{\"din\":"u8.ToArray()));
    }

    [Test]
    public void Write_WithoutIdsPatchesAndOptionalColumns_IsReadAgain()
    {
        using DeviceCloudPredictionTransformer full = Create();
        using DeviceCloudPredictionTransformer model = new(full.Parameters, null, full.History, new InteractionColumns("u", "i"));
        using DeviceCloudPredictionTransformer read = TransformerFile.Read(new MemoryStream(ToBytes(model)));
        Assert.That((read.Patches, read.UserIds, read.ItemIds), Is.EqualTo(((object?)null, (object?)null, (object?)null)));
        Assert.That(read.Columns, Is.EqualTo(new InteractionColumns("u", "i")));
    }

    [Test]
    public void Read_CutOffAnywhere_SaysSo()
    {
        using DeviceCloudPredictionTransformer model = Create(profileDimension: 1);
        byte[] bytes = ToBytes(model);
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.That(
                () => TransformerFile.Read(new MemoryStream(bytes, 0, length)),
                Throws.TypeOf<InvalidDataException>().With.Message.EqualTo(
                    $"The model must go on after {length} bytes, but ends there. "
                    + "The file was cut off: copy it again or save the model again."));
        }
    }

    [Test]
    public void Read_AnyByteAltered_IsRefused()
    {
        using DeviceCloudPredictionTransformer model = Create(profileDimension: 1);
        byte[] bytes = ToBytes(model);
        for (int i = 0; i < bytes.Length; i++)
        {
            foreach (byte flip in new byte[] { 1, 0x80 })
            {
                bytes[i] ^= flip;
                Assert.That(() => TransformerFile.Read(new MemoryStream(bytes)), Throws.TypeOf<InvalidDataException>(), $"byte {i}");
                bytes[i] ^= flip;
            }
        }
    }

    [Test]
    public void Read_AlteredWeight_NamesBothDigests()
    {
        using DeviceCloudPredictionTransformer model = Create();
        byte[] bytes = ToBytes(model);
        bytes[16 + BitConverter.ToInt32(bytes, 12) + 100] ^= 1; // behind the text of the architecture
        Assert.That(
            () => TransformerFile.Read(new MemoryStream(bytes)),
            Throws.TypeOf<InvalidDataException>().With.Message.Matches(
                "^The model must have the SHA-256 [0-9a-f]{64}, but has [0-9a-f]{64}. "
                + "The file was altered: copy it again or save the model again.$"));
    }

    [TestCase(0, 'X', "The model must start with 'DCCLMODL', but does not. Load a file that mlContext.Model.Save wrote.")]
    [TestCase(8, (char)2, "The model must have a format version from 1 to 1, but has 2. Update the DCCL.ML package.")]
    public void Read_OtherFormat_SaysSo(int index, char value, string message)
    {
        using DeviceCloudPredictionTransformer model = Create();
        byte[] bytes = ToBytes(model);
        bytes[index] = (byte)value;
        Assert.That(
            () => TransformerFile.Read(new MemoryStream(bytes)), Throws.TypeOf<InvalidDataException>().With.Message.EqualTo(message));
    }

    [Test]
    public void Read_MoreBehindTheEnd_SaysSo()
    {
        using DeviceCloudPredictionTransformer model = Create();
        byte[] bytes = ToBytes(model);
        Assert.That(
            () => TransformerFile.Read(new MemoryStream([.. bytes, 0])),
            Throws.TypeOf<InvalidDataException>().With.Message.EqualTo(
                $"The model must end after {bytes.Length} bytes, but goes on. The file was altered: save the model again."));
    }

    private static byte[] ToBytes(DeviceCloudPredictionTransformer model)
    {
        using MemoryStream stream = new();
        TransformerFile.Write(stream, model);
        return stream.ToArray();
    }

    private static float[] Scores(MLContext ml, ITransformer model, IDataView data) =>
        [.. ml.Data.CreateEnumerable<Prediction>(model.Transform(data), reuseRowObject: false).Select(prediction => prediction.Score)];
}
