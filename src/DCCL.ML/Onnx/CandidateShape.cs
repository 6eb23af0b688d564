namespace DCCL.ML.Onnx;

/// <summary>For which numbers of groups and candidates a graph is built.</summary>
internal enum CandidateShape
{
    /// <summary>For any numbers, fast where groups have few candidates; how many there are changes no bit of a score.</summary>
    Few,

    /// <summary>For one group with many candidates.</summary>
    Many,

    /// <summary>For any numbers: the graph itself takes the faster way.</summary>
    Any,
}
