using DCCL.ML.Model;
using static DCCL.ML.Onnx.WeightArithmetic;

namespace DCCL.ML.Onnx;

/// <summary>The hidden layers of a Deep Interest Network after the first patched one, forwards and backwards.</summary>
/// <remarks>
/// Both activation functions are <c>y = slope x + (1 - slope) r(x)</c>: for PReLU r is the rectifier, for Dice x times its gate
/// g = sigmoid(scale x + shift). Their derivatives are slope + (1 - slope) r'(x), with r' = [x > 0] and
/// r' = g + x g (1 - g) scale.
/// </remarks>
internal sealed class DinDecoderNodes(GraphBuilder graph, DeviceCloudModelParameters parameters, DinArchitecture din) : IDecoderNodes
{
    public string Forward(int layer, string input)
    {
        string name = $"hidden.{layer}";
        string x = graph.Node($"{name}.product", "MatMul", input, Tensor($"{name}.weight"));
        x = graph.Node($"{name}.sum", "Add", x, Tensor($"{name}.bias"));                                     // [s, n]
        string bent = din.Activation == DinActivation.PRelu
            ? graph.Node($"{name}.bend", "Relu", x)
            : graph.Node($"{name}.bend", "Mul", x, Gate(name, x));
        bent = graph.Node($"{name}.bent.scaled", "Mul", bent, Rest(name));
        return graph.Node($"{name}.activation", "Add", bent, graph.Node($"{name}.linear", "Mul", x, Tensor($"{name}.slope")));
    }

    public string Logit(string input)
    {
        ReadOnlySpan<float> weights = parameters["output.weight"].Span;
        string output = graph.Node("output.product", "MatMul", input, graph.Constant("output.weight", weights, weights.Length, 1));
        return graph.Node("output.sum", "Add", output, Tensor("output.bias"));                               // [s, 1]
    }

    public string LogitBackward(string slope) =>
        graph.Product("output.backward", slope, "output.weight", transposesRight: true);                     // [s, n]

    public string Backward(int layer, string slope)
    {
        string name = $"hidden.{layer}";
        string derivative = graph.Node($"{name}.backward.scaled", "Mul", BendDerivative(name), Rest(name));
        derivative = graph.Node($"{name}.backward.derivative", "Add", derivative, $"{name}.slope");
        string input = graph.Node($"{name}.backward.sum", "Mul", slope, derivative);                         // [s, n]
        return graph.Product($"{name}.backward", input, $"{name}.weight", transposesRight: true);
    }

    private string BendDerivative(string name)
    {
        if (din.Activation == DinActivation.PRelu)
        {
            string positive = graph.Node($"{name}.backward.positive", "Greater", $"{name}.sum", graph.Number(0));
            return graph.Cast($"{name}.backward.bend", positive, Proto.TensorProto.Types.DataType.Float);
        }

        string gate = $"{name}.gate";
        string both = graph.Node($"{name}.backward.gates", "Mul", gate, graph.Node($"{name}.backward.gate.rest", "Sub", graph.Number(1), gate));
        both = graph.Node($"{name}.backward.gates.scaled", "Mul", both, $"{name}.scale");
        both = graph.Node($"{name}.backward.gates.input", "Mul", both, $"{name}.sum");
        return graph.Node($"{name}.backward.bend", "Add", gate, both);
    }

    private string Gate(string name, string x)
    {
        (float[] scale, float[] shift) = Standardize(parameters[$"{name}.mean"].Span, parameters[$"{name}.variance"].Span);
        string gate = graph.Node($"{name}.scaled", "Mul", x, graph.Constant($"{name}.scale", scale, scale.Length));
        gate = graph.Node($"{name}.shifted", "Add", gate, graph.Constant($"{name}.shift", shift, shift.Length));
        return graph.Node($"{name}.gate", "Sigmoid", gate);
    }

    private string Rest(string name)
    {
        string rest = $"{name}.one_minus_slope";
        if (!graph.Has(rest))
        {
            float[] values = OneMinus(parameters[$"{name}.slope"].Span);
            graph.Constant(rest, values, values.Length);
        }

        return rest;
    }

    private string Tensor(string name)
    {
        TensorShape shape = parameters.TensorShapes.First(tensor => tensor.Name == name);
        return graph.Constant(name, parameters[name].Span, [.. shape.Dimensions]);
    }
}
