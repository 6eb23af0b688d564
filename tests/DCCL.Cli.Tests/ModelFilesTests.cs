using System.IO.Compression;
using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>What the verbs write beside the code: ML.NET's zip and Model Builder's config.</summary>
public sealed class ModelFilesTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Model_OfAnyVerb_DoesNotSayWhenItWasWritten()
    {
        foreach (string path in new[] { Path.Combine(SharedModels.Quick, "Movies.mlnet"), SharedModels.Patched })
        {
            using ZipArchive zip = ZipFile.OpenRead(path);
            Assert.That(zip.Entries.Select(part => part.LastWriteTime.DateTime), Is.Not.Empty.And.All.EqualTo(new DateTime(1980, 1, 1)), path);
        }
    }
}
