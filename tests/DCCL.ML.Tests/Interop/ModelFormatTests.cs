using DCCL.ML.Interop;
using NUnit.Framework;

namespace DCCL.ML.Tests.Interop;

public sealed class ModelFormatTests
{
    [Test]
    public void Constructor_WithSignaturesThatFit_KeepsThemAndTheLoadersSimpleName()
    {
        ModelFormat format = new("DCCL TST", new string('x', 24), 3, 2, 1, typeof(ModelFormat));

        Assert.Multiple(() =>
        {
            Assert.That(format.ModelSignature, Is.EqualTo("DCCL TST"));
            Assert.That(format.Version, Is.EqualTo(3));
            Assert.That(format.OldestReadableVersion, Is.EqualTo(1));
            Assert.That(format.LoaderAssemblyName, Is.EqualTo("DCCL.ML"));
        });
    }

    [TestCase("DCCLTES", "A model signature must be 8 ASCII characters, but is 'DCCLTES'.")]
    [TestCase("DCCLTESTS", "A model signature must be 8 ASCII characters, but is 'DCCLTESTS'.")]
    [TestCase("DCCLTEST\u00e9", "A model signature must be 8 ASCII characters, but is 'DCCLTEST\u00e9'.")]
    public void Constructor_WithAModelSignatureThatDoesNotFit_Throws(string signature, string message)
    {
        Assert.That(
            () => new ModelFormat(signature, "Loader", 1, 1, 1, typeof(ModelFormat)),
            Throws.ArgumentException.With.Message.StartsWith(message));
    }

    [TestCase("")]
    [TestCase("ALoaderSignatureOf25Chars")]
    [TestCase("\u00e9")]
    public void Constructor_WithALoaderSignatureThatDoesNotFit_Throws(string signature)
    {
        Assert.That(
            () => new ModelFormat("DCCLTEST", signature, 1, 1, 1, typeof(ModelFormat)),
            Throws.ArgumentException.With.Message.StartsWith(
                $"A loader signature must be 1 to 24 ASCII characters, but is '{signature}'."));
    }
}
