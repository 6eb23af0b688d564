using System.Globalization;
using static DCCL.ML.Onnx.Proto.TensorProto.Types;

namespace DCCL.ML.Onnx;

/// <summary>Adds inputs of items to a graph, as key values or as raw ids with their vocabulary inside.</summary>
/// <remarks>
/// What the graph goes on with is a key value from 0, where 0 stands for padding and whatever is not known: a negative number would
/// otherwise count from the end of the embedding table.
/// </remarks>
internal sealed class VocabularyNodes
{
    public const string KeyIds = "key";
    public const string TextIds = "text";
    public const string IntegerIds = "integer";

    private const string Operators = "ai.onnx.ml";
    private const int OperatorsVersion = 2;

    private readonly GraphBuilder _graph;
    private readonly string[] _ids = [];
    private readonly long[] _integers = [];

    /// <param name="graph">The graph that receives the nodes.</param>
    /// <param name="ids">The raw ids of items 1, 2, ...; null for key values as inputs.</param>
    public VocabularyNodes(GraphBuilder graph, IReadOnlyList<string>? ids)
    {
        _graph = graph;
        if (ids is null)
        {
            (Ids, Padding) = (KeyIds, "0");
            return;
        }

        _ids = [.. ids];
        long[] integers = new long[_ids.Length];
        bool areIntegers = true;
        for (int i = 0; i < _ids.Length && areIntegers; i++)
        {
            areIntegers = long.TryParse(_ids[i], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out integers[i])
                && integers[i].ToString(CultureInfo.InvariantCulture) == _ids[i];
        }

        _integers = areIntegers ? integers : [];
        Ids = areIntegers ? IntegerIds : TextIds;
        Padding = areIntegers ? FindFree(integers, 0) : FindFree(_ids);
    }

    /// <summary>Gets the kind of the inputs: "key", "text" or "integer".</summary>
    public string Ids { get; }

    /// <summary>Gets what stands for padding in the inputs: an id that no item has.</summary>
    public string Padding { get; }

    /// <summary>Adds an input.</summary>
    /// <param name="name">The name.</param>
    /// <param name="dimensions">Its shape.</param>
    /// <returns>The key values, int64, from 0.</returns>
    public string Input(string name, params ReadOnlySpan<string> dimensions)
    {
        _graph.Input(name, Ids == TextIds ? DataType.String : DataType.Int64, dimensions);
        if (Ids == KeyIds)
        {
            return _graph.Node($"{name}.key", "Max", name, _graph.Integers(0));
        }

        string key = _graph.Node($"{name}.key", "LabelEncoder", name);
        _graph.Domain(Operators, OperatorsVersion);
        if (Ids == TextIds)
        {
            _graph.Attribute("keys_strings", _ids);
        }
        else
        {
            _graph.Attribute("keys_int64s", _integers.AsSpan());
        }

        _graph.Attribute("values_int64s", [.. Enumerable.Range(1, _ids.Length).Select(item => (long)item)]);
        _graph.Attribute("default_int64", 0L);
        return key;
    }

    private static string FindFree(long[] taken, long first)
    {
        HashSet<long> set = [.. taken];
        while (set.Contains(first))
        {
            first--;
        }

        return first.ToString(CultureInfo.InvariantCulture);
    }

    private static string FindFree(string[] taken)
    {
        HashSet<string> set = [.. taken];
        string free = "";
        while (set.Contains(free))
        {
            free += "_";
        }

        return free;
    }
}
