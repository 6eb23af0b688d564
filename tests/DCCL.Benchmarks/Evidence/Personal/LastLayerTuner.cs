using DCCL.Benchmarks.Evidence.Baselines;
using DCCL.ML.Data;
using DCCL.ML.Model;

namespace DCCL.Benchmarks.Evidence.Personal;

/// <summary>Fine-tuning of a DIN's last layer alone: logistic regression on the activations before it, drawn towards the cloud model's weights.</summary>
/// <remarks>
/// <c>mean CE + |w - w_cloud|^2 / (2 strength)</c> by gradient descent. The activations are computed once for each user: everything before the
/// last layer is frozen. Not thread-safe.
/// </remarks>
internal sealed class LastLayerTuner : IUserTuner
{
    private const string WeightName = "output.weight";
    private const string BiasName = "output.bias";
    private const int NumberOfSteps = 200;

    private readonly MethodContext _context;
    private readonly DeviceCloudModelParameters _cloud;
    private readonly LastActivation _frozen;
    private int _user;
    private Sample[] _samples = [];

    public LastLayerTuner(MethodContext context, DeviceCloudModelParameters cloud)
    {
        _context = context;
        _cloud = cloud;
        _frozen = new LastActivation(cloud);
    }

    public IReadOnlyList<double> Strengths => [0.1, 1, 10];

    public DeviceCloudModelParameters? Tune(int user, double strength, int withoutLast = 0)
    {
        if (user != _user)
        {
            (_user, _samples) = (user, ReadSamples(user));
        }

        int last = _samples.Length == 0 ? 0 : _samples[^1].Event - withoutLast;
        Sample[] samples = [.. _samples.Where(sample => sample.Event <= last)];
        if (samples.Length == 0)
        {
            return null;
        }

        float[] start = _cloud[WeightName].ToArray();
        double[] weights = Array.ConvertAll(start, value => (double)value);
        double bias = _cloud[BiasName].Span[0];
        double startBias = bias;

        // The Hessian is at most mean |(z, 1)|^2 / 4 + 1 / strength: a step of one over that never climbs.
        double curvature = (samples.Average(sample => sample.Activation.Sum(value => (double)value * value) + 1) / 4) + (1 / strength);
        double[] slopes = new double[weights.Length];
        for (int step = 0; step < NumberOfSteps; step++)
        {
            double biasSlope = (bias - startBias) / strength;
            for (int k = 0; k < slopes.Length; k++)
            {
                slopes[k] = (weights[k] - start[k]) / strength;
            }

            foreach (Sample sample in samples)
            {
                double logit = bias + sample.Offset;
                for (int k = 0; k < weights.Length; k++)
                {
                    logit += weights[k] * sample.Activation[k];
                }

                double error = ((1 / (1 + Math.Exp(-logit))) - (sample.Label ? 1 : 0)) / samples.Length;
                biasSlope += error;
                for (int k = 0; k < slopes.Length; k++)
                {
                    slopes[k] += error * sample.Activation[k];
                }
            }

            bias -= biasSlope / curvature;
            for (int k = 0; k < weights.Length; k++)
            {
                weights[k] -= slopes[k] / curvature;
            }
        }

        return With(Array.ConvertAll(weights, value => (float)value), (float)bias);
    }

    public void Dispose() => _frozen.Dispose();

    private Sample[] ReadSamples(int user)
    {
        InteractionLog own = SingleUser.Take(_context.Data.History, user);
        int first = _context.Data.GetFirstDeviceEvent(user);
        List<int> events = [];
        List<int> items = [];
        List<int[]> histories = [];
        List<bool> labels = [];
        TrainingRows.Visit(own, _ => first, _context.Seed + user, (moment, item, label) =>
        {
            events.Add(moment.Items.Length);
            items.Add(item);
            histories.Add(moment.History.ToArray());
            labels.Add(label);
        });
        if (items.Count == 0)
        {
            return [];
        }

        (float[] activations, float[] offsets) = _frozen.Compute(items, histories, own.ProfileDimension > 0 ? own.GetProfile(1) : []);
        return
        [
            .. items.Select((_, i) => new Sample(
                events[i], activations[(i * _frozen.Width)..((i + 1) * _frozen.Width)], offsets[i], labels[i])),
        ];
    }

    private DeviceCloudModelParameters With(float[] weights, float bias)
    {
        Dictionary<string, float[]> tensors = _cloud.Architecture.Tensors.ToDictionary(shape => shape.Name, shape => _cloud[shape.Name].ToArray());
        tensors[WeightName] = weights;
        tensors[BiasName] = [bias];
        return new DeviceCloudModelParameters(_cloud.Architecture, patch: null, encoder: null, tensors);
    }

    /// <summary>An event or a negative of it.</summary>
    /// <param name="Event">The event's index among the user's.</param>
    /// <param name="Activation">What the last layer sees.</param>
    /// <param name="Offset">The logit's share that bypasses it.</param>
    /// <param name="Label">Whether the item was taken.</param>
    private readonly record struct Sample(int Event, float[] Activation, float Offset, bool Label);
}
