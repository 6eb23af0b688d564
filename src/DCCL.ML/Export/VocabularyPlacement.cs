namespace DCCL.ML.Export;

/// <summary>Where an exported model has the raw ids of its items.</summary>
public enum VocabularyPlacement
{
    /// <summary>In a file beside the model; the graph's inputs are key values, from 1, and 0 is padding.</summary>
    SideFile,

    /// <summary>
    /// In the graph: its inputs are raw ids, int64 if all ids are whole numbers, else text. What is not in the vocabulary is padding in a
    /// history and scores NaN as a candidate.
    /// </summary>
    InsideGraph,
}
