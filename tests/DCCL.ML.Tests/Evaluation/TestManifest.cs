using DCCL.ML.Evaluation;

namespace DCCL.ML.Tests.Evaluation;

internal static class TestManifest
{
    public static EvaluationManifest Create(params int[] cutoffs) => new()
    {
        ModelFingerprint = "model",
        TestFingerprint = "test",
        HistoryFingerprint = "history",
        LibraryVersion = "1.2.3",
        Cutoffs = cutoffs.Length == 0 ? [10] : cutoffs,
    };
}
