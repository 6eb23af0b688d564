using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.ML.Tests.Export;
using DCCL.TestKit;
using Google.FlatBuffers;
using Microsoft.ML.OnnxRuntime;
using NUnit.Framework;

namespace DCCL.ML.Tests.Device;

public sealed class AdapterFileTests
{
    private static readonly string _fingerprint = string.Concat(Enumerable.Range(0, 32).Select(i => i.ToString("x2")));

    [TestCase(1)]
    [TestCase(16)]
    [TestCase(255)]
    [TestCase(256)]
    public void ToAdapter_AnySize_ReadsBackBitForBit(int size)
    {
        float[] values = new float[size];
        RandomModel.Fill(new SeededRandom(size), values);
        values[0] = -0f;

        UserPatch patch = UserPatch.FromAdapter(new UserPatch(_fingerprint, values).ToAdapter());

        Assert.That(patch.Values.ToArray().Select(BitConverter.SingleToUInt32Bits), Is.EqualTo(values.Select(BitConverter.SingleToUInt32Bits)));
        Assert.That(patch.ModelFingerprint, Is.EqualTo(_fingerprint));
    }

    [Test]
    public void ToAdapter_SixteenNumbers_TakesLessThan300Bytes()
    {
        byte[] file = new UserPatch(_fingerprint, new float[16]).ToAdapter();

        Assert.That(file, Has.Length.LessThan(300));
        Assert.That(Encoding.ASCII.GetString(file, 4, 4), Is.EqualTo("TORT"));
    }

    // By hand from FORMAT.md: who writes adapters without FlatBuffers needs the very places.
    [Test]
    public void ToAdapter_AKnownPatch_HasTheDescribedBytes()
    {
        byte[] file = new UserPatch(_fingerprint, [1, -2]).ToAdapter();
        int IndexOf(byte[] part) => file.AsSpan().IndexOf(part);
        byte[] values = new byte[8];
        BinaryPrimitives.WriteSingleLittleEndian(values, 1);
        BinaryPrimitives.WriteSingleLittleEndian(values.AsSpan(4), -2);
        byte[] fingerprint = Convert.FromHexString(_fingerprint);

        Assert.That(IndexOf(values) % 8, Is.Zero, "raw_data is aligned to 8");
        Assert.That(IndexOf(values), Is.EqualTo(file.Length - 80));
        Assert.That(IndexOf(fingerprint), Is.EqualTo(file.Length - 68));
        byte[] zeroed = [.. file];
        zeroed.AsSpan(file.Length - 32).Clear();
        Assert.That(file[^32..], Is.EqualTo(SHA256.HashData(zeroed)), "the digest is the end of the file");
        Assert.That(new UserPatch(_fingerprint, [1, -2]).ToAdapter(), Is.EqualTo(file));
    }

    // FORMAT.md's table for those who have no FlatBuffers.
    [TestCase(2)]
    [TestCase(16)]
    [TestCase(256)]
    public void ToAdapter_AnEvenSize_HasTheBytesOfTheTable(int size)
    {
        float[] values = new float[size];
        RandomModel.Fill(new SeededRandom(size), values);
        byte[] header = Convert.FromHexString(
            "1C000000544F5254" + "0000000010001C00" + "1800140010000C00" + "0800040010000000" + "0000000000000000" + "1000000001000000"
            + "0100000001000000" + "0100000010000000" + "0C00140010000C00" + "080004000C000000" + "3400000001000000" + "1400000004000000"
            + "0500000070617463" + "6800000002000000" + "0100000000000000" + "0000000000000000" + "0000000000000000");
        byte[] file = new byte[208 + (4 * size)];
        header.CopyTo(file, 0);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(32), 140 + (4 * size));
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(36), 100 + (4 * size));
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(120), size);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(132), 4 * size);
        for (int i = 0; i < size; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(file.AsSpan(136 + (4 * i)), values[i]);
        }

        int end = 136 + (4 * size);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(end), 32);
        Convert.FromHexString(_fingerprint).CopyTo(file, end + 4);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(end + 36), 32);
        SHA256.HashData(file).CopyTo(file, end + 40);

        Assert.That(Convert.ToHexString(new UserPatch(_fingerprint, values).ToAdapter()), Is.EqualTo(Convert.ToHexString(file)));
    }

    [Test]
    public void ToAdapter_InStockOnnxRuntime_ScoresAsTheExplicitInput([Range(1, 5)] int seed)
    {
        SeededRandom random = new(seed);
        DinArchitecture architecture = RandomModel.CreateArchitecture(random);
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, RandomModel.CreatePatch(random, architecture));
        byte[] model = ExportedModel.Export(ExportedModel.CreateTransformer(parameters));
        ScoringBatch batch = RandomModel.CreateBatch(random, parameters, 1, 5, architecture.HistoryLength, 1);
        byte[] adapter = new UserPatch(parameters.Fingerprint, batch.Patches).ToAdapter();
        using StockRuntime stock = new(model);
        float[] expected = stock.Run("score", ExportedModel.Inputs(batch, parameters));
        batch.NumberOfPatches = 0;
        float[] cloud = stock.Run("score", ExportedModel.Inputs(batch, parameters));

        using OrtLoraAdapter lora = OrtLoraAdapter.Create(adapter, null);
        using RunOptions options = new();
        options.AddActiveLoraAdapter(lora);
        float[] actual = stock.Run(options, "score", ExportedModel.Inputs(batch, parameters));

        Assert.That(actual, Is.EqualTo(expected));
        Assert.That(actual, Is.Not.EqualTo(cloud));
    }

    [Test]
    public void FromAdapter_EveryFlippedBit_IsRefused([Values(1, 16)] int size)
    {
        float[] values = new float[size];
        RandomModel.Fill(new SeededRandom(3), values);
        byte[] file = new UserPatch(_fingerprint, values).ToAdapter();
        for (int bit = 0; bit < file.Length * 8; bit++)
        {
            byte[] altered = [.. file];
            altered[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.That(() => UserPatch.FromAdapter(altered, "p"), Throws.TypeOf<InvalidDataException>().With.Message.StartsWith("'p' must"), $"bit {bit}");
        }
    }

    [Test]
    public void FromAdapter_EveryLength_IsRefusedButTheWhole()
    {
        byte[] file = new UserPatch(_fingerprint, new float[16]).ToAdapter();
        for (int length = 0; length < file.Length; length++)
        {
            Assert.That(() => UserPatch.FromAdapter(file.AsSpan(0, length).ToArray()), Throws.TypeOf<InvalidDataException>(), $"{length} bytes");
        }

        Assert.That(() => UserPatch.FromAdapter([.. file, 0]), Throws.TypeOf<InvalidDataException>());
    }

    [Test]
    public void FromAdapter_RandomCorruptions_AreRefused()
    {
        SeededRandom random = new(1);
        byte[] file = new UserPatch(_fingerprint, [.. Enumerable.Range(0, 16).Select(i => i * 0.1f)]).ToAdapter();
        for (int i = 0; i < 20_000; i++)
        {
            byte[] altered = Corruption.Apply(random, file);
            PatchRefusal refusal = AdapterFile.TryRead(altered, "p", out UserPatch? patch, out string? message);
            bool isSame = altered.AsSpan().SequenceEqual(file);
            Assert.That(refusal == PatchRefusal.None, Is.EqualTo(isSame), $"case {i}");
            Assert.That(patch is null, Is.Not.EqualTo(isSame));
            Assert.That(message is null, Is.EqualTo(isSame));
        }
    }

    [Test]
    public void FromAdapter_NaNWithARightDigest_SaysSo()
    {
        byte[] file = new UserPatch(_fingerprint, [1, 2]).ToAdapter();
        BinaryPrimitives.WriteSingleLittleEndian(file.AsSpan(file.Length - 76), float.NaN);
        file.AsSpan(file.Length - 32).Clear();
        SHA256.HashData(file).CopyTo(file.AsSpan(file.Length - 32));

        Assert.That(
            () => UserPatch.FromAdapter(file, "p"),
            Throws.TypeOf<InvalidDataException>().With.Message.EqualTo("'p' must hold finite numbers, but number 1 is NaN. Learn the patch again."));
    }

    [Test]
    public void FromAdapter_AStockAdapter_IsRefusedForSayingNoModel() => Assert.That(
        () => UserPatch.FromAdapter(StockAdapter.Create(1), "p"),
        Throws.TypeOf<InvalidDataException>().With.Message.EqualTo("'p' must say which model it belongs to, but does not. Write it with UserPatch.Save."));

    [Test]
    public void FromAdapter_TwoValuesInOneFile_IsRefused() => Assert.That(
        AdapterFile.TryRead(StockAdapter.Create(2, _fingerprint), "p", out _, out string? message), Is.EqualTo(PatchRefusal.TwoPatches), message);

    [Test]
    public void Load_AMissingOrHugeFile_SaysSo()
    {
        string path = Path.GetTempFileName();
        File.WriteAllBytes(path, new byte[5000]);
        Assert.That(() => UserPatch.Load(path), Throws.TypeOf<InvalidDataException>().With.Message.Contains("at most 4096 bytes, but has 5000"));
        File.Delete(path);
        Assert.That(() => UserPatch.Load(path), Throws.TypeOf<FileNotFoundException>());
    }

    [Test]
    public void Save_OverAnOldFile_ReplacesIt()
    {
        string folder = Directory.CreateTempSubdirectory("dccl-adapter-").FullName;
        string path = Path.Combine(folder, "u.onnx_adapter");
        new UserPatch(_fingerprint, [1]).Save(path);
        new UserPatch(_fingerprint, [2]).Save(path);

        Assert.That(UserPatch.Load(path).Values.ToArray(), Is.EqualTo(new[] { 2f }));
        Assert.That(Directory.GetFiles(folder), Has.Length.EqualTo(1));
        Directory.Delete(folder, recursive: true);
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void UserPatch_ValuesThatAreNotFinite_AreRefused(float value) =>
        Assert.That(() => new UserPatch(_fingerprint, [0, value]), Throws.ArgumentException.With.Message.Contains("value 1"));

    /// <summary>Adapters as another writer makes them, by the schema of ONNX Runtime, optionally with a fingerprint and a right digest.</summary>
    private static class StockAdapter
    {
        public static byte[] Create(int numberOfParameters, string? fingerprint = null)
        {
            FlatBufferBuilder builder = new(256);
            VectorOffset Bytes(byte[] bytes)
            {
                builder.StartVector(1, bytes.Length, 8);
                foreach (byte value in bytes.Reverse())
                {
                    builder.AddByte(value);
                }

                return builder.EndVector();
            }

            VectorOffset digest = fingerprint is null ? default : Bytes(new byte[32]);
            VectorOffset owner = fingerprint is null ? default : Bytes(Convert.FromHexString(fingerprint));
            int[] parameters = [.. Enumerable.Range(0, numberOfParameters).Select(i =>
            {
                VectorOffset data = Bytes(new byte[8]);
                builder.StartVector(8, 2, 8);
                builder.AddLong(2);
                builder.AddLong(1);
                VectorOffset dims = builder.EndVector();
                StringOffset name = builder.CreateString(i == 0 ? "patch" : "history");
                builder.StartTable(4);
                builder.AddOffset(0, name.Value, 0);
                builder.AddOffset(1, dims.Value, 0);
                builder.AddInt(2, 1, 0);
                builder.AddOffset(3, data.Value, 0);
                return builder.EndTable();
            })];
            builder.StartVector(4, parameters.Length, 4);
            foreach (int parameter in parameters.Reverse())
            {
                builder.AddOffset(parameter);
            }

            VectorOffset list = builder.EndVector();
            builder.StartTable(6);
            builder.AddInt(0, 1, 0);
            builder.AddOffset(3, list.Value, 0);
            if (fingerprint is not null)
            {
                builder.AddOffset(4, owner.Value, 0);
                builder.AddOffset(5, digest.Value, 0);
            }

            builder.Finish(builder.EndTable(), "TORT");
            byte[] file = builder.SizedByteArray();
            if (fingerprint is not null)
            {
                SHA256.HashData(file).CopyTo(file.AsSpan(file.Length - 32)); // the digest was written first, so it is last
            }

            return file;
        }
    }
}
