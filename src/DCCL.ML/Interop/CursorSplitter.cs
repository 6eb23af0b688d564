using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace DCCL.ML.Interop;

/// <summary>Divides the rows of one cursor among several, as ML.NET does for its own transforms.</summary>
internal static class CursorSplitter
{
    // The splitter wants somebody to report to; it reports nothing.
    private static readonly IChannelProvider _provider = new MLContext(seed: 0);

    /// <summary>Divides the rows of a cursor that has not been moved.</summary>
    /// <param name="cursor">The cursor, owned by those returned from now on.</param>
    /// <param name="count">The number of cursors wanted.</param>
    /// <returns>
    /// So many cursors, to be read at the same time; <paramref name="cursor"/> alone where one is enough, or where a value of an
    /// active column cannot be kept.
    /// </returns>
    public static DataViewRowCursor[] Split(DataViewRowCursor cursor, int count) =>
        DataViewUtils.CreateSplitCursors(_provider, cursor, count);
}
