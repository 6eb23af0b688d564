using DCCL.ML.Model;

namespace DCCL.TestKit;

/// <summary>SASRec, event by event from the oldest on: each block sees the sequences so far, and no matrix has a mask.</summary>
public sealed class TextbookSasRec(DeviceCloudModelParameters parameters) : TextbookNetwork(parameters)
{
    private readonly SasRecArchitecture _architecture = (SasRecArchitecture)parameters.Architecture;

    public override double GetLogit(long item, ReadOnlySpan<long> history, ReadOnlySpan<float> profile, double[] theta)
    {
        int d = _architecture.EmbeddingDimension;
        double[][] embedding = Matrix("item.embedding", _architecture.NumberOfItems + 1);
        long[] items = history.ToArray();

        // Places count from the most recent event; those of padding have a state, but nobody looks at it.
        double[][] states = [.. items.Select(key => embedding[key].Select(x => key == 0 ? 0 : x * Math.Sqrt(d)).ToArray())];
        for (int block = 0; block < _architecture.NumberOfBlocks; block++)
        {
            double[][] norms = [.. states.Select(state => Norm($"block.{block}.attention", state))];
            double[][] attended = [.. states.Select((state, place) => Add(state, Attend($"block.{block}.attention", items, norms, place)))];
            states = [.. attended.Select(state => Add(state, Forward($"block.{block}.forward", state)))];
        }

        double[] last = states[0];
        if (profile.Length > 0)
        {
            last = Add(last, Multiply([.. profile.ToArray().Select(x => (double)x)], Matrix("profile.weight", profile.Length)));
        }

        double[] pair = Patch(0, [.. Norm("user", last), .. embedding[item].Select(x => x * Math.Sqrt(d))], theta);
        double product = Dot(pair[..d], pair[d..]) / Math.Sqrt(d);
        return product + Vector("output.bias")[0] + Vector("item.bias")[item] + GetShare(item, theta);
    }

    private double[] Attend(string layer, long[] items, double[][] norms, int place)
    {
        int size = _architecture.EmbeddingDimension / _architecture.NumberOfHeads;
        double[][] distance = Matrix($"{layer}.distance", _architecture.NumberOfHeads);
        double[] query = Linear($"{layer}.query", norms[place]);
        int[] seen = [.. Enumerable.Range(place, items.Length - place).Where(other => items[other] != 0)];
        double[] found = new double[_architecture.EmbeddingDimension];
        for (int head = 0; head < _architecture.NumberOfHeads; head++)
        {
            Range part = (head * size)..((head + 1) * size);
            double[] scores =
            [
                .. seen.Select(other =>
                {
                    double[] key = Multiply(norms[other], Matrix($"{layer}.key.weight", _architecture.EmbeddingDimension));
                    return (Dot(query[part], key[part]) / Math.Sqrt(size)) + distance[head][other - place];
                }),
            ];
            double sum = scores.Sum(score => Math.Exp(score - scores.Max()));
            for (int i = 0; i < seen.Length; i++)
            {
                double[] value = Linear($"{layer}.value", norms[seen[i]]);
                double weight = Math.Exp(scores[i] - scores.Max()) / sum;
                for (int k = part.Start.Value; k < part.End.Value; k++)
                {
                    found[k] += weight * value[k];
                }
            }
        }

        return Linear($"{layer}.output", found);
    }

    private double[] Forward(string layer, double[] state)
    {
        double[] hidden = Linear($"{layer}.hidden", Norm(layer, state));
        return Linear($"{layer}.output", [.. hidden.Select(x => Math.Max(x, 0))]);
    }

    private double[] Linear(string layer, double[] x) =>
        Add(Multiply(x, Matrix($"{layer}.weight", x.Length)), Vector($"{layer}.bias"));

    private double[] Norm(string layer, double[] x)
    {
        double mean = x.Average();
        double variance = x.Average(value => (value - mean) * (value - mean));
        double[] scale = Vector($"{layer}.norm.scale");
        double[] shift = Vector($"{layer}.norm.shift");
        return [.. x.Select((value, i) => ((value - mean) / Math.Sqrt(variance + 1e-5) * scale[i]) + shift[i])];
    }
}
