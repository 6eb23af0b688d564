namespace DCCL.ML.Tests.Conformance;

/// <summary>What can be wrong with a transformer.</summary>
public enum Fault
{
    /// <summary>Transform reads the data.</summary>
    ReadsAtOnce,

    /// <summary>The first row is given after all have been read.</summary>
    ReadsEverythingAhead,

    /// <summary>Somewhere in the middle, all rows are read before the next one is given.</summary>
    ReadsEverythingInBetween,

    /// <summary>A cursor asks its input for all columns.</summary>
    ReadsAllColumns,

    /// <summary>Columns are active that nobody asked for.</summary>
    ActivatesAllColumns,

    /// <summary>All cursors are one.</summary>
    SharesItsCursor,

    /// <summary>Rows come in another order.</summary>
    ReordersRows,

    /// <summary>Rows get other ids.</summary>
    InventsIds,

    /// <summary>All rows have the same position.</summary>
    ForgetsThePosition,

    /// <summary>Batch numbers fall.</summary>
    CountsBatchesDown,

    /// <summary>A cursor begins anew at its end.</summary>
    BeginsAnew,

    /// <summary>It says that it can shuffle, and does not.</summary>
    DoesNotShuffle,

    /// <summary>Every hundredth row is missing in sets.</summary>
    LosesRowsInSets,

    /// <summary>Every cursor of a set has all rows.</summary>
    RepeatsRowsInSets,

    /// <summary>Sets have more cursors than wanted.</summary>
    GivesTooManyCursors,

    /// <summary>Scores of sets are other ones.</summary>
    ScoresOtherwiseInSets,

    /// <summary>A cursor of a set throws.</summary>
    ThrowsInSets,

    /// <summary>The row mapper scores otherwise.</summary>
    MapsOtherwise,

    /// <summary>There is a row mapper that there should not be.</summary>
    MapsAlthoughItCannot,

    /// <summary>Less is promised than delivered.</summary>
    PromisesLess,

    /// <summary>A schema of any kind is accepted.</summary>
    TakesAnything,

    /// <summary>Score columns carry no annotations.</summary>
    DropsAnnotations,

    /// <summary>After loading it is another type.</summary>
    ChangesTypeOnLoad,
}
