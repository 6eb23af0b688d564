using System.Buffers.Binary;
using System.Runtime.InteropServices;
using DCCL.ML.Onnx.Proto;
using Google.Protobuf;

namespace DCCL.ML.Onnx;

/// <summary>Collects the nodes, constants, inputs and outputs of an ONNX graph; values are referred to by their names.</summary>
internal sealed class GraphBuilder
{
    public const int OperatorSetVersion = 17;
    public const int IntermediateRepresentationVersion = 8;

    private GraphProto _graph = new() { Name = "dccl" };
    private HashSet<string> _names = [];
    private readonly SortedDictionary<string, int> _domains = new(StringComparer.Ordinal) { [""] = OperatorSetVersion };

    /// <summary>Whether there is a value of that name.</summary>
    public bool Has(string name) => _names.Contains(name);

    /// <summary>Adds an input. A dimension is the name of a length known at run time, or digits.</summary>
    public string Input(string name, TensorProto.Types.DataType type, params ReadOnlySpan<string> dimensions)
    {
        _graph.Input.Add(CreateValueInfo(Claim(name), type, dimensions));
        return name;
    }

    /// <summary>Names a value that the graph gives out.</summary>
    public void Output(string name, TensorProto.Types.DataType type, params ReadOnlySpan<string> dimensions) =>
        _graph.Output.Add(CreateValueInfo(name, type, dimensions));

    /// <summary>Adds the default value of an input, which makes the input optional.</summary>
    public void DefaultOf(string input, ReadOnlySpan<float> values, params ReadOnlySpan<int> dimensions) =>
        _graph.Initializer.Add(CreateTensor(input, values, dimensions));

    /// <summary>Adds a constant of floating-point numbers, row-major.</summary>
    public string Constant(string name, ReadOnlySpan<float> values, params ReadOnlySpan<int> dimensions)
    {
        _graph.Initializer.Add(CreateTensor(Claim(name), values, dimensions));
        return name;
    }

    /// <summary>Adds a constant vector of 32-bit whole numbers, such as a long table of places or items.</summary>
    public string Table(string name, ReadOnlySpan<int> values)
    {
        byte[] bytes = new byte[values.Length * sizeof(int)];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(i * sizeof(int)), values[i]);
        }

        _graph.Initializer.Add(new TensorProto
        {
            Name = Claim(name),
            DataType = (int)TensorProto.Types.DataType.Int32,
            Dims = { values.Length },
            RawData = UnsafeByteOperations.UnsafeWrap(bytes),
        });
        return name;
    }

    /// <summary>Adds a constant vector of whole numbers, such as axes or a shape; asked for twice, it is stored once.</summary>
    public string Integers(params ReadOnlySpan<long> values)
    {
        string name = "const." + string.Join(',', values.ToArray());
        if (_names.Add(name))
        {
            byte[] bytes = new byte[values.Length * sizeof(long)];
            for (int i = 0; i < values.Length; i++)
            {
                BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * sizeof(long)), values[i]);
            }

            _graph.Initializer.Add(new TensorProto
            {
                Name = name,
                DataType = (int)TensorProto.Types.DataType.Int64,
                Dims = { values.Length },
                RawData = UnsafeByteOperations.UnsafeWrap(bytes),
            });
        }

        return name;
    }

    /// <summary>Adds a constant of shape [1]; asked for twice, it is stored once.</summary>
    public string Number(float value)
    {
        string name = FormattableString.Invariant($"const.{value:R}f");
        if (_names.Add(name))
        {
            _graph.Initializer.Add(CreateTensor(name, [value], [1]));
        }

        return name;
    }

    /// <summary>Adds a double-precision constant of shape [1]; asked for twice, it is stored once.</summary>
    public string Double(double value)
    {
        string name = FormattableString.Invariant($"const.{value:R}d");
        if (_names.Add(name))
        {
            byte[] bytes = new byte[sizeof(double)];
            BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
            _graph.Initializer.Add(new TensorProto
            {
                Name = name,
                DataType = (int)TensorProto.Types.DataType.Double,
                Dims = { 1 },
                RawData = UnsafeByteOperations.UnsafeWrap(bytes),
            });
        }

        return name;
    }

    /// <summary>Adds a node that converts numbers.</summary>
    public string Cast(string output, string input, TensorProto.Types.DataType type)
    {
        Node(output, "Cast", input);
        Attribute("to", (long)type);
        return output;
    }

    /// <summary>Adds a product of two matrices, either of them transposed.</summary>
    public string Product(string output, string left, string right, bool transposesLeft = false, bool transposesRight = false)
    {
        Node(output, "Gemm", left, right);
        Attribute("transA", transposesLeft ? 1L : 0L);
        Attribute("transB", transposesRight ? 1L : 0L);
        return output;
    }

    /// <summary>
    /// Adds the products of matrices, left [..., c, k] by right [..., k, n]; in a graph for few candidates a row's bits are the same whatever c
    /// is, and however many zeros follow in both along k.
    /// </summary>
    /// <remarks>
    /// ONNX Runtime 1.31 multiplies a single row in another order than two and more, unless the right matrix is a constant: a row of
    /// zeros at the end makes it two.
    /// </remarks>
    public string ProductByRow(string output, string left, string right, CandidateShape candidates, int rank = 3)
    {
        if (candidates != CandidateShape.Few)
        {
            return Node(output, "MatMul", left, right);
        }

        long[] padding = new long[2 * rank];
        padding[^2] = 1;
        string rows = Node($"{output}.rows", "Pad", left, Integers(padding));                                // [..., c + 1, k]
        string product = Node($"{output}.all", "MatMul", rows, right);                                       // [..., c + 1, n]
        return Node(output, "Slice", product, Integers(0), Integers(-1), Integers(rank - 2));
    }

    /// <summary>Adds a node with one output.</summary>
    /// <param name="output">The name of the output, and of the node.</param>
    /// <param name="operation">The ONNX operator.</param>
    /// <param name="inputs">The inputs, in the operator's order.</param>
    /// <returns><paramref name="output"/>.</returns>
    public string Node(string output, string operation, params ReadOnlySpan<string> inputs)
    {
        NodeProto node = new() { Name = Claim(output), OpType = operation, Output = { output } };
        foreach (string input in inputs)
        {
            node.Input.Add(input);
        }

        _graph.Node.Add(node);
        return output;
    }

    /// <summary>Adds a node that cuts a value into pieces.</summary>
    /// <param name="outputs">The names of the pieces, and their lengths along the axis.</param>
    /// <param name="input">The value.</param>
    /// <param name="axis">The axis.</param>
    public void Split(IReadOnlyList<(string Name, long Length)> outputs, string input, long axis)
    {
        Node(outputs[0].Name, "Split", input, Integers([.. outputs.Select(output => output.Length)]));
        _graph.Node[^1].Output.AddRange(outputs.Skip(1).Select(output => Claim(output.Name)));
        Attribute("axis", axis);
    }

    /// <summary>Adds a whole-number attribute to the node added last.</summary>
    public void Attribute(string name, long value) =>
        _graph.Node[^1].Attribute.Add(new AttributeProto { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int });

    /// <summary>Adds an attribute that is a list of whole numbers to the node added last.</summary>
    public void Attribute(string name, params ReadOnlySpan<long> values)
    {
        AttributeProto attribute = new() { Name = name, Type = AttributeProto.Types.AttributeType.Ints };
        foreach (long value in values)
        {
            attribute.Ints.Add(value);
        }

        _graph.Node[^1].Attribute.Add(attribute);
    }

    /// <summary>Adds an attribute that is a list of texts to the node added last.</summary>
    public void Attribute(string name, IEnumerable<string> values)
    {
        AttributeProto attribute = new() { Name = name, Type = AttributeProto.Types.AttributeType.Strings };
        attribute.Strings.AddRange(values.Select(ByteString.CopyFromUtf8));
        _graph.Node[^1].Attribute.Add(attribute);
    }

    /// <summary>Says that the operator of the node added last belongs to another set than ONNX's own.</summary>
    public void Domain(string name, int version)
    {
        _graph.Node[^1].Domain = name;
        _domains[name] = version;
    }

    /// <summary>Adds a value that is computed in one of two ways. Both see what was added before; what they add stays inside.</summary>
    /// <param name="output">The name of the value, and of the node.</param>
    /// <param name="condition">A Boolean of one element.</param>
    /// <param name="then">Adds the value for true.</param>
    /// <param name="otherwise">Adds the value for false.</param>
    /// <param name="dimensions">The value's shape.</param>
    public string If(string output, string condition, Func<string> then, Func<string> otherwise, params ReadOnlySpan<string> dimensions)
    {
        GraphProto thenBranch = Branch($"{output}.then", then, dimensions);
        GraphProto otherwiseBranch = Branch($"{output}.else", otherwise, dimensions);
        Node(output, "If", condition);
        foreach ((string name, GraphProto branch) in ((string, GraphProto)[])[("then_branch", thenBranch), ("else_branch", otherwiseBranch)])
        {
            _graph.Node[^1].Attribute.Add(new AttributeProto { Name = name, G = branch, Type = AttributeProto.Types.AttributeType.Graph });
        }

        return output;
    }

    /// <summary>Removes the nodes and constants that no output needs.</summary>
    public void Prune()
    {
        HashSet<string> needed = [.. _graph.Output.Select(output => output.Name)];
        for (int i = _graph.Node.Count - 1; i >= 0; i--)
        {
            if (_graph.Node[i].Output.Any(needed.Contains))
            {
                needed.UnionWith(_graph.Node[i].Input);
            }
            else
            {
                _graph.Node.RemoveAt(i);
            }
        }

        for (int i = _graph.Initializer.Count - 1; i >= 0; i--)
        {
            if (!needed.Contains(_graph.Initializer[i].Name))
            {
                _graph.Initializer.RemoveAt(i);
            }
        }
    }

    /// <summary>Puts the graph into a model.</summary>
    public ModelProto ToModel(IEnumerable<KeyValuePair<string, string>> metadata)
    {
        ModelProto model = new()
        {
            IrVersion = IntermediateRepresentationVersion,
            ProducerName = "DCCL.ML",
            Graph = _graph,
            OpsetImport = { _domains.Select(pair => new OperatorSetIdProto { Domain = pair.Key, Version = pair.Value }) },
        };
        foreach ((string key, string value) in metadata)
        {
            model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        }

        return model;
    }

    private GraphProto Branch(string name, Func<string> build, ReadOnlySpan<string> dimensions)
    {
        (GraphProto graph, HashSet<string> names) = (_graph, _names);
        (_graph, _names) = (new GraphProto { Name = name }, [.. names]);
        Node(name, "Identity", build());
        Output(name, TensorProto.Types.DataType.Float, dimensions);
        GraphProto branch = _graph;
        (_graph, _names) = (graph, names);
        return branch;
    }

    private static TensorProto CreateTensor(string name, ReadOnlySpan<float> values, ReadOnlySpan<int> dimensions)
    {
        byte[] bytes = new byte[values.Length * sizeof(float)];
        if (BitConverter.IsLittleEndian)
        {
            MemoryMarshal.AsBytes(values).CopyTo(bytes);
        }
        else
        {
            for (int i = 0; i < values.Length; i++)
            {
                BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), values[i]);
            }
        }

        TensorProto tensor = new()
        {
            Name = name,
            DataType = (int)TensorProto.Types.DataType.Float,
            RawData = UnsafeByteOperations.UnsafeWrap(bytes),
        };
        foreach (int dimension in dimensions)
        {
            tensor.Dims.Add(dimension);
        }

        return tensor;
    }

    private static ValueInfoProto CreateValueInfo(string name, TensorProto.Types.DataType type, ReadOnlySpan<string> dimensions)
    {
        TensorShapeProto shape = new();
        foreach (string dimension in dimensions)
        {
            shape.Dim.Add(long.TryParse(dimension, out long length)
                ? new TensorShapeProto.Types.Dimension { DimValue = length }
                : new TensorShapeProto.Types.Dimension { DimParam = dimension });
        }

        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = shape } },
        };
    }

    private string Claim(string name) =>
        _names.Add(name) ? name : throw new InvalidOperationException($"The graph has two values named '{name}'.");
}
