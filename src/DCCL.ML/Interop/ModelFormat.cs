using System.Text;
using Microsoft.ML;

namespace DCCL.ML.Interop;

/// <summary>
/// What ML.NET writes in front of a component's data: which format it is, in which version, and which loader reads it.
/// </summary>
internal sealed class ModelFormat
{
    // ML.NET packs both texts into 64-bit words of the header, one byte a character.
    private const int ModelSignatureLength = 8;
    private const int MaximumLoaderSignatureLength = 24;

    /// <param name="modelSignature">The name of the format, exactly eight ASCII characters.</param>
    /// <param name="loaderSignature">The name in <c>LoadableClass</c>, at most 24 ASCII characters.</param>
    /// <param name="version">The version that is written now.</param>
    /// <param name="oldestReaderVersion">The oldest version whose reader understands what is written now.</param>
    /// <param name="oldestReadableVersion">The oldest version that can be read now.</param>
    /// <param name="loader">A type of the assembly that holds the loader.</param>
    public ModelFormat(
        string modelSignature, string loaderSignature, uint version, uint oldestReaderVersion, uint oldestReadableVersion, Type loader)
    {
        if (modelSignature.Length != ModelSignatureLength || !Ascii.IsValid(modelSignature))
        {
            throw new ArgumentException(
                $"A model signature must be {ModelSignatureLength} ASCII characters, but is '{modelSignature}'.", nameof(modelSignature));
        }

        if (loaderSignature.Length is 0 or > MaximumLoaderSignatureLength || !Ascii.IsValid(loaderSignature))
        {
            throw new ArgumentException(
                $"A loader signature must be 1 to {MaximumLoaderSignatureLength} ASCII characters, but is '{loaderSignature}'.",
                nameof(loaderSignature));
        }

        // The simple name, not the full one: a later version of the assembly then still reads the model.
        VersionInfo = new VersionInfo(
            modelSignature,
            verWrittenCur: version,
            verReadableCur: oldestReaderVersion,
            verWeCanReadBack: oldestReadableVersion,
            loaderAssemblyName: loader.Assembly.GetName().Name,
            loaderSignature: loaderSignature);
        ModelSignature = modelSignature;
    }

    public string ModelSignature { get; }

    public uint Version => VersionInfo.VerWrittenCur;

    public string LoaderAssemblyName => VersionInfo.LoaderAssemblyName;

    public uint OldestReadableVersion => VersionInfo.VerWeCanReadBack;

    internal VersionInfo VersionInfo { get; }
}
