using System.Security.Cryptography;
using System.Text;
using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Model;
using NUnit.Framework;

namespace DCCL.ML.Tests.Device;

public sealed class DeviceEventStoreTests
{
    private static readonly DeviceEvent[] _events =
    [
        new("a", 1.5),
        new("Größe \"2\"\n\u2028", 2, IsPositive: false),
        new("c", 3e300, IsKnownToCloud: true),
        new("😀", 1e301, IsPositive: false, IsKnownToCloud: true, IsLearnt: true),
    ];

    [Test]
    public void Save_AnyEvents_ReadBackTheSame()
    {
        string path = Path.GetTempFileName();
        DeviceEventStore store = Create(_events);
        store.MarkPending([store.GetEvents()[0]], new string('b', 64));
        store.MarkLearnt(new string('a', 64));
        store.Save(path);

        DeviceEventStore loaded = DeviceEventStore.Load(path);

        Assert.That(loaded.GetEvents(), Is.EqualTo((DeviceEvent[])[_events[0] with { IsLearnt = true }, .. _events[1..]]));
        Assert.That(loaded.ModelFingerprint, Is.EqualTo(new string('a', 64)));
        Assert.That(loaded.ToBytes(), Is.EqualTo(File.ReadAllBytes(path)));
        File.Delete(path);
    }

    [Test]
    public void ToBytes_TwoEvents_AreThoseThatAreDescribed()
    {
        const string Json = """{"format":"dccl-events","version":1,"model":"","events":[["a",1.5,1],["b",2,6]]}""" + "\n";
        byte[] expected = [.. Encoding.UTF8.GetBytes(Json), .. Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Json))))];

        byte[] actual = Create(new("a", 1.5), new("b", 2, IsPositive: false, IsKnownToCloud: true, IsLearnt: true)).ToBytes();

        Assert.That(Encoding.UTF8.GetString(actual), Is.EqualTo(Encoding.UTF8.GetString(expected)));
    }

    [Test]
    public void Add_EventsOutOfOrder_AreSortedAndTheOldestForgotten()
    {
        DeviceEventStore store = new(maximumNumberOfEvents: 3);
        foreach ((string id, double time) in ((string, double)[])[("c", 3), ("a", 1), ("b1", 2), ("b2", 2), ("d", 4)])
        {
            store.Add(new DeviceEvent(id, time));
        }

        Assert.That(store.GetEvents().Select(@event => @event.ItemId), Is.EqualTo(new[] { "b2", "c", "d" }));
        Assert.That(DeviceEventStore.Parse(Create(_events).ToBytes(), "s", 2).GetEvents(), Is.EqualTo(_events[2..]));
    }

    [Test]
    public void Add_WhatNoEventCanBe_IsRefused()
    {
        DeviceEventStore store = new();
        Assert.That(() => store.Add(new DeviceEvent("a", double.NaN)), Throws.ArgumentException.With.Message.Contains("finite time, but has NaN"));
        Assert.That(() => store.Add(new DeviceEvent("", 1)), Throws.ArgumentException.With.Message.Contains("1 to 1024 characters, but has one of 0"));
        Assert.That(() => store.Add(new DeviceEvent(new string('x', 1025), 1)), Throws.ArgumentException.With.Message.Contains("but has one of 1025"));
    }

    [Test]
    public void Parse_RandomCorruptions_AreRefused()
    {
        SeededRandom random = new(1);
        byte[] file = Create(_events).ToBytes();
        for (int i = 0; i < 10_000; i++)
        {
            byte[] altered = Corruption.Apply(random, file);
            if (!altered.AsSpan().SequenceEqual(file))
            {
                Assert.That(() => DeviceEventStore.Parse(altered, "s", 100), Throws.TypeOf<InvalidDataException>().With.Message.StartsWith("'s' must"), $"case {i}");
            }
        }
    }

    // With a right checksum, as an adversary would write it.
    [TestCase("""{"format":"dccl-events","version":1,"model":"abc","events":[]}""", "digests of 64 hexadecimal digits")]
    [TestCase("{}", "must be a store of events")]
    [TestCase("null", "must be a store of events")]
    [TestCase("[[[[[[[[[[", "must be a store of events")]
    [TestCase("""{"format":"dccl-events","version":2,"model":"","events":[]}""", "version 1, but has 'dccl-events' of version 2")]
    [TestCase("""{"format":"x","version":1,"model":"","events":[]}""", "but has 'x'")]
    [TestCase("""{"format":"dccl-events","version":1,"model":"","events":[["a",1e999,1]]}""", "finite time")]
    [TestCase("""{"format":"dccl-events","version":1,"model":"","events":[["a",1]]}""", "must be a store of events")]
    [TestCase("""{"format":"dccl-events","version":1,"model":"","events":[[null,1,1]]}""", "item id of 1 to 1024")]
    [TestCase("""{"format":"dccl-events","version":1,"model":"","events":[["a","b",1]]}""", "must be a store of events")]
    [TestCase("""{"format":"dccl-events","version":1,"model":"","events":7}""", "must be a store of events")]
    [TestCase("""{"format":"dccl-events","version":99999999999,"model":"","events":[]}""", "must be a store of events")]
    public void Parse_OtherContents_SaysWhatIsWrong(string json, string message)
    {
        byte[] text = Encoding.UTF8.GetBytes(json + "\n");
        byte[] file = [.. text, .. Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(text)))];
        Assert.That(() => DeviceEventStore.Parse(file, "s", 100), Throws.TypeOf<InvalidDataException>().With.Message.Contains(message));
    }

    [Test]
    public void Vocabulary_RandomCorruptions_AreRefusedOrHarmless()
    {
        SeededRandom random = new(1);
        ItemVocabulary vocabulary = new(["a", "Ä\"", "😀", "d", "e"]);
        using MemoryStream stream = new();
        vocabulary.Save(stream);
        byte[] file = stream.ToArray();
        Assert.That(ItemVocabulary.Parse(file).Items, Is.EqualTo(vocabulary.Items));
        int refused = 0;
        for (int i = 0; i < 10_000; i++)
        {
            byte[] altered = Corruption.Apply(random, file);
            try
            {
                // A space between two fields changes nothing; another id would.
                Assert.That(ItemVocabulary.Parse(altered, "v").Items, Is.EqualTo(vocabulary.Items), $"case {i}");
            }
            catch (InvalidDataException fault)
            {
                Assert.That(fault.Message, Does.StartWith("'v' "));
                refused++;
            }
        }

        Assert.That(refused, Is.GreaterThan(9_000));
    }

    private static DeviceEventStore Create(params DeviceEvent[] events)
    {
        DeviceEventStore store = new();
        Array.ForEach(events, store.Add);
        return store;
    }
}
